//! Why a command about a child is refused.

/// A refusal; neither text names anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChildWelfareError {
    /// The date of birth is not known well enough to say whether this is a child.
    #[error("the date of birth is unknown")]
    BirthDateUnknown,
    /// The person is of age.
    #[error("the person is not under 18")]
    NotAMinor,
    /// The child is dead.
    #[error("the child is dead")]
    ChildDead,
    /// The child has a file.
    #[error("the child has a file already")]
    FileAlreadyOpen,
    /// Parents are recorded, so that they cannot be said not to be found.
    #[error("parents are recorded; record their situation instead")]
    ParentsRecorded,
    /// The person is not a recorded parent of the child.
    #[error("the person is not a parent of the child")]
    NotAParent,
    /// The parent is dead; nothing more is recorded.
    #[error("the parent is dead")]
    ParentDead,
    /// The same situation runs already, at least in part of that time.
    #[error("this situation is recorded for that time already")]
    SituationAlreadyRecorded,
    /// No such situation runs.
    #[error("no such situation is recorded as running")]
    SituationNotOpen,
    /// A date lies in the future.
    #[error("the date lies in the future")]
    DateInFuture,
    /// The end lies before the beginning.
    #[error("the end lies before the beginning")]
    DatesReversed,
    /// No document or article is named.
    #[error("the legal basis is missing")]
    LegalBasisMissing,
    /// The legal basis is longer than 200 characters.
    #[error("the legal basis is longer than 200 characters")]
    LegalBasisTooLong,
    /// The guardian to be is dead.
    #[error("the guardian is dead")]
    GuardianDead,
    /// The guardian to be is under age.
    #[error("the guardian is under 18")]
    GuardianIsMinor,
    /// A child is not its own guardian.
    #[error("a child is not its own guardian")]
    GuardianIsChild,
    /// A parent is guardian by law (民法典 Art. 27) and needs no appointment.
    #[error("a parent is guardian by law")]
    GuardianIsParent,
    /// The person was found unable to care.
    #[error("the person was found unable to care")]
    GuardianUnable,
    /// The person is the child's guardian.
    #[error("the person is the child's guardian already")]
    AlreadyGuardian,
    /// No appointment of the person runs.
    #[error("the person is not an appointed guardian of the child")]
    NotAGuardian,
    /// The person is no grandparent, sibling or guardian of the child.
    #[error("the person is not a grandparent, sibling or guardian of the child")]
    NotACandidate,
    /// The candidate is dead.
    #[error("the person is dead")]
    CandidateDead,
    /// The item is not the one that is open.
    #[error("the work item is not open")]
    ItemNotOpen,
    /// The month can be computed, or is not needed.
    #[error("no month has to be determined")]
    MonthNotNeeded,
    /// The month lies later than the next one.
    #[error("the month lies too far in the future")]
    MonthInFuture,
}

impl ChildWelfareError {
    /// A stable reason for machines.
    pub fn reason(&self) -> &'static str {
        self.texts().0
    }

    /// The same for people, in Chinese.
    pub fn chinese(&self) -> String {
        self.texts().1.to_owned()
    }

    fn texts(&self) -> (&'static str, &'static str) {
        match self {
            Self::BirthDateUnknown => ("BIRTH_DATE_UNKNOWN", "出生日期不详，无法建立儿童档案"),
            Self::NotAMinor => ("NOT_A_MINOR", "该人已满18周岁"),
            Self::ChildDead => ("CHILD_DEAD", "该儿童已死亡"),
            Self::FileAlreadyOpen => ("FILE_ALREADY_OPEN", "该儿童已有档案"),
            Self::ParentsRecorded => ("PARENTS_RECORDED", "该儿童已登记父母，请登记其父母的情形"),
            Self::NotAParent => ("NOT_A_PARENT", "该人不是该儿童已登记的父母"),
            Self::ParentDead => ("PARENT_DEAD", "该父或母已死亡"),
            Self::SituationAlreadyRecorded => {
                ("SITUATION_ALREADY_RECORDED", "该情形在此期间已登记")
            }
            Self::SituationNotOpen => ("SITUATION_NOT_OPEN", "没有正在持续的该情形"),
            Self::DateInFuture => ("DATE_IN_FUTURE", "日期不能晚于今天"),
            Self::DatesReversed => ("DATES_REVERSED", "结束日期早于开始日期"),
            Self::LegalBasisMissing => ("LEGAL_BASIS_MISSING", "请填写依据的文书或条款"),
            Self::LegalBasisTooLong => ("LEGAL_BASIS_TOO_LONG", "依据不能超过200个字符"),
            Self::GuardianDead => ("GUARDIAN_DEAD", "该监护人已死亡"),
            Self::GuardianIsMinor => ("GUARDIAN_IS_MINOR", "监护人须年满18周岁"),
            Self::GuardianIsChild => ("GUARDIAN_IS_CHILD", "儿童不能担任自己的监护人"),
            Self::GuardianIsParent => ("GUARDIAN_IS_PARENT", "父母是法定监护人，无须指定"),
            Self::GuardianUnable => ("GUARDIAN_UNABLE", "该人已被认定没有监护能力"),
            Self::AlreadyGuardian => ("ALREADY_GUARDIAN", "该人已是该儿童的监护人"),
            Self::NotAGuardian => ("NOT_A_GUARDIAN", "该人不是该儿童的指定监护人"),
            Self::NotACandidate => (
                "NOT_A_CANDIDATE",
                "该人不是该儿童的祖父母、外祖父母、兄姐或监护人",
            ),
            Self::CandidateDead => ("CANDIDATE_DEAD", "该人已死亡"),
            Self::ItemNotOpen => ("ITEM_NOT_OPEN", "该待办不在办理中"),
            Self::MonthNotNeeded => ("MONTH_NOT_NEEDED", "无须核定起始月份"),
            Self::MonthInFuture => ("MONTH_IN_FUTURE", "起始月份不能晚于下个月"),
        }
    }
}
