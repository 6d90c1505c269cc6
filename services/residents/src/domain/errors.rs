//! Why residents says no: to a field, or to a command in the state that stands.

use minzheng_chassis::division::DivisionCodeError;
use minzheng_chassis::identity::{PersonNameError, ResidentNumberError};
use minzheng_chassis::problem::{DomainError, Kind, Violations};

/// Why a command is refused. Neither message nor Chinese text names anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResidentsError {
    /// An established person has the number already.
    #[error("an established person holds this number already")]
    NumberAlreadyHeld,
    /// The same organisation used the reference for another identity.
    #[error("the reference was used before for another identity")]
    ReferenceReused,
    /// The command needs a person known for certain.
    #[error("the record is not an established person")]
    NotEstablished,
    /// The provisional record was decided before.
    #[error("the record is decided already")]
    AlreadyDecided,
    /// Two established records are never merged.
    #[error("two established records cannot be merged")]
    MergeOfEstablished,
    /// A record cannot go into itself.
    #[error("a record cannot be merged into itself")]
    MergeIntoItself,
    /// The record to stay is not an established person.
    #[error("the record to merge into is not an established person")]
    MergeIntoUnestablished,
    /// The corrected identity is the one that stands.
    #[error("the identity is already as given")]
    NothingToCorrect,
    /// The dead do not move, and join no household.
    #[error("the person is dead")]
    PersonDead,
    /// Nobody is kin of oneself.
    #[error("nobody is kin of oneself")]
    KinshipWithOneself,
    /// The kinship follows from others and is not recorded.
    #[error("this kinship follows from others and is not recorded itself")]
    KinshipFollows,
    /// The kinship stands already.
    #[error("this kinship is recorded already")]
    KinshipExists,
    /// A parent is born before the child.
    #[error("a parent must be older than the child")]
    ParentNotOlder,
    /// It contradicts a kinship that stands.
    #[error("this kinship contradicts one that stands")]
    KinshipContradicts,
    /// A relative's record was not at hand: our own fault.
    #[error("a relative's record was not loaded")]
    RelativeNotLoaded,
    /// The head is not among the members.
    #[error("the head of the household is not among its members")]
    HeadNotMember,
    /// A person is registered in one place only (户口登记条例 Art. 6).
    #[error("a member belongs to another household")]
    MemberElsewhere,
}

impl DomainError for ResidentsError {
    fn kind(&self) -> Kind {
        match self {
            Self::NumberAlreadyHeld | Self::KinshipExists => Kind::AlreadyExists,
            Self::KinshipWithOneself | Self::KinshipFollows | Self::HeadNotMember => {
                Kind::InvalidArgument
            }
            Self::RelativeNotLoaded => Kind::Internal,
            Self::ReferenceReused
            | Self::NotEstablished
            | Self::AlreadyDecided
            | Self::MergeOfEstablished
            | Self::MergeIntoItself
            | Self::MergeIntoUnestablished
            | Self::NothingToCorrect
            | Self::PersonDead
            | Self::ParentNotOlder
            | Self::KinshipContradicts
            | Self::MemberElsewhere => Kind::FailedPrecondition,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NumberAlreadyHeld => "NUMBER_ALREADY_HELD",
            Self::ReferenceReused => "REFERENCE_REUSED",
            Self::NotEstablished => "PERSON_NOT_ESTABLISHED",
            Self::AlreadyDecided => "ALREADY_DECIDED",
            Self::MergeOfEstablished => "MERGE_OF_ESTABLISHED",
            Self::MergeIntoItself => "MERGE_INTO_ITSELF",
            Self::MergeIntoUnestablished => "MERGE_INTO_UNESTABLISHED",
            Self::NothingToCorrect => "NOTHING_TO_CORRECT",
            Self::PersonDead => "PERSON_DEAD",
            Self::KinshipWithOneself => "KINSHIP_WITH_ONESELF",
            Self::KinshipFollows => "KINSHIP_FOLLOWS",
            Self::KinshipExists => "KINSHIP_EXISTS",
            Self::ParentNotOlder => "PARENT_NOT_OLDER",
            Self::KinshipContradicts => "KINSHIP_CONTRADICTS",
            Self::RelativeNotLoaded => "INTERNAL",
            Self::HeadNotMember => "HEAD_NOT_MEMBER",
            Self::MemberElsewhere => "MEMBER_OF_ANOTHER_HOUSEHOLD",
        }
    }

    fn chinese(&self) -> String {
        let text = match self {
            Self::NumberAlreadyHeld => "该证件号码已登记在他人名下",
            Self::ReferenceReused => "该来源编号已用于另一身份",
            Self::NotEstablished => "该记录尚未确认为本人",
            Self::AlreadyDecided => "该待核记录已经处理",
            Self::MergeOfEstablished => "两条已确认的记录不能合并",
            Self::MergeIntoItself => "记录不能并入自身",
            Self::MergeIntoUnestablished => "只能并入已确认的人员记录",
            Self::NothingToCorrect => "身份信息与现有记录一致，无需更正",
            Self::PersonDead => "该人员已死亡",
            Self::KinshipWithOneself => "不能登记与本人的亲属关系",
            Self::KinshipFollows => "祖辈关系由父母关系推得，不单独登记",
            Self::KinshipExists => "该亲属关系已经登记",
            Self::ParentNotOlder => "父母的出生日期应早于子女",
            Self::KinshipContradicts => "该亲属关系与已登记的关系矛盾",
            Self::RelativeNotLoaded => "系统内部错误",
            Self::HeadNotMember => "户主应为本户成员",
            Self::MemberElsewhere => "成员已登记在另一户",
        };
        text.to_owned()
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::KinshipWithOneself => Some("relative_id"),
            Self::KinshipFollows => Some("relation"),
            Self::HeadNotMember => Some("head_id"),
            _ => None,
        }
    }
}

/// What is wrong with one field. The message never repeats what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// It must be given.
    #[error("is required")]
    Required,
    /// It must not be given here.
    #[error("must be empty here")]
    NotAllowed,
    /// It has more than so many characters.
    #[error("has more than {0} characters")]
    TooLong(usize),
    /// It has more than so many entries.
    #[error("has more than {0} entries")]
    TooMany(usize),
    /// Personal data is given for a purpose only.
    #[error("personal data is shown for a purpose only")]
    PurposeRequired,
    /// It has control characters.
    #[error("contains control characters")]
    ControlCharacter,
    /// It has so many digits in a row that it may be a personal number.
    #[error("looks as if it contained an ID or phone number")]
    PersonalData,
    /// No resident number.
    #[error(transparent)]
    ResidentNumber(#[from] ResidentNumberError),
    /// No name.
    #[error(transparent)]
    Name(#[from] PersonNameError),
    /// The number is not that of a permanent residence card.
    #[error("a permanent residence card has 18 digits beginning with 9")]
    PermanentResidenceCard,
    /// No passport number.
    #[error("a passport number has 5 to 20 letters and digits")]
    PassportNumber,
    /// No telephone number.
    #[error("a telephone number has 7 to 15 digits")]
    Phone,
    /// The date lies in the future.
    #[error("lies in the future")]
    DateInFuture,
    /// The date of birth is another than the number's.
    #[error("contradicts the date of birth in the number")]
    BirthDateContradicts,
    /// The sex is another than the number's.
    #[error("contradicts the sex in the number")]
    SexContradicts,
    /// No division code.
    #[error(transparent)]
    DivisionCode(#[from] DivisionCodeError),
    /// A well-formed code of no division.
    #[error("is no division in force")]
    DivisionUnknown,
    /// A county at least is needed, since counties act.
    #[error("must be a county or finer")]
    DivisionTooCoarse,
}

impl FieldProblem {
    /// A stable reason for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Required => "REQUIRED",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::TooLong(_) => "TOO_LONG",
            Self::TooMany(_) => "TOO_MANY",
            Self::PurposeRequired => "PURPOSE_REQUIRED",
            Self::ControlCharacter => "CONTROL_CHARACTER",
            Self::PersonalData => "PERSONAL_DATA_IN_TEXT",
            Self::ResidentNumber(error) => error.reason(),
            Self::Name(error) => error.reason(),
            Self::PermanentResidenceCard => "ID_NUMBER_NOT_PERMANENT_RESIDENCE_CARD",
            Self::PassportNumber => "PASSPORT_NUMBER_INVALID",
            Self::Phone => "PHONE_INVALID",
            Self::DateInFuture => "DATE_IN_FUTURE",
            Self::BirthDateContradicts => "BIRTH_DATE_CONTRADICTS_NUMBER",
            Self::SexContradicts => "SEX_CONTRADICTS_NUMBER",
            Self::DivisionCode(error) => error.reason(),
            Self::DivisionUnknown => "DIVISION_UNKNOWN",
            Self::DivisionTooCoarse => "DIVISION_TOO_COARSE",
        }
    }

    /// The same for people, in Chinese.
    pub fn chinese(&self) -> String {
        let text = match self {
            Self::Required => "必填",
            Self::NotAllowed => "此处应为空",
            Self::TooLong(characters) => return format!("不能超过{characters}个字"),
            Self::TooMany(entries) => return format!("不能超过{entries}项"),
            Self::PurposeRequired => "查看个人信息应说明用途",
            Self::ControlCharacter => "含有控制字符",
            Self::PersonalData => "疑似含有证件号码或电话号码，请勿填写个人信息",
            Self::ResidentNumber(error) => error.chinese(),
            Self::Name(error) => error.chinese(),
            Self::PermanentResidenceCard => "外国人永久居留身份证号码应为以9开头的18位数字",
            Self::PassportNumber => "护照号码应为5至20位字母或数字",
            Self::Phone => "电话号码应为7至15位数字",
            Self::DateInFuture => "日期晚于今天",
            Self::BirthDateContradicts => "出生日期与证件号码不一致",
            Self::SexContradicts => "性别与证件号码不一致",
            Self::DivisionCode(error) => error.chinese(),
            Self::DivisionUnknown => "行政区划不存在",
            Self::DivisionTooCoarse => "行政区划应具体到县级以下",
        };
        text.to_owned()
    }
}

/// Takes the value, or notes what is wrong with the field.
pub(crate) fn take<T, E: Into<FieldProblem>>(
    violations: &mut Violations,
    field: &str,
    result: Result<T, E>,
) -> Option<T> {
    violations.take(field, result.map_err(Into::into), |problem| {
        (problem.reason(), problem.to_string(), problem.chinese())
    })
}
