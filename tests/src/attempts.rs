//! One command of each service, to be tried while something is away and again when it is back.

use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::identity::{ResidentNumber, Sex};
use minzheng_proto::child_welfare::v1 as child;
use minzheng_proto::common::v1::{IdType, Identity};
use minzheng_proto::elderly_care::v1 as elderly;
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::residents::v1 as residents;
use tonic::{Response, Status};
use uuid::Uuid;

use crate::family::{Member, VILLAGE};
use crate::platform::{Callers, Platform, until_answered};
use crate::reports::Report;

/// What a service answered to its command.
type Answered = Result<Response<()>, Status>;

/// What is tried. None of them is done twice: what an attempt left half-done shows at the next one.
#[derive(Clone)]
pub struct Attempts {
    register: residents::RegisterPersonRequest,
    report: pb::ReportDeathRequest,
    create_bed: elderly::CreateBedRequest,
    open_file: child::OpenChildFileRequest,
}

impl Attempts {
    /// Somebody whom nobody knows is registered, a death reported, a bed made in a facility, a file
    /// opened for a child.
    pub fn of(report: &Report, facility_id: &str, minor: &Member) -> Self {
        let attempts = Self {
            register: newcomer(),
            report: report.request.clone(),
            create_bed: elderly::CreateBedRequest {
                facility_id: facility_id.to_owned(),
                label: "9-9".to_owned(),
                state: elderly::BedState::Free.into(),
                ..Default::default()
            },
            open_file: child::OpenChildFileRequest {
                person_id: minor.id.clone(),
                ..Default::default()
            },
        };
        attempts.anew()
    }

    /// The same under other request ids, so that no answer kept from an earlier attempt counts.
    pub fn anew(&self) -> Self {
        let mut attempts = self.clone();
        for id in [
            &mut attempts.register.request_id,
            &mut attempts.report.request_id,
            &mut attempts.create_bed.request_id,
            &mut attempts.open_file.request_id,
        ] {
            *id = Uuid::new_v4().to_string();
        }
        attempts
    }

    /// Tries each once; by service, what it answered.
    pub async fn once(
        &self,
        platform: &Platform,
        callers: &Callers,
    ) -> [(&'static str, Answered); 4] {
        [
            ("residents", self.register(platform, callers).await),
            ("life-events", self.report(platform, callers).await),
            ("elderly-care", self.create_bed(platform, callers).await),
            ("child-welfare", self.open_file(platform, callers).await),
        ]
    }

    /// Tries each until it is answered, and asserts that it is done.
    pub async fn succeed(&self, platform: &Platform, callers: &Callers) {
        until_answered(|| self.register(platform, callers))
            .await
            .expect("registered: nobody has the number");
        until_answered(|| self.report(platform, callers))
            .await
            .expect("reported");
        until_answered(|| self.create_bed(platform, callers))
            .await
            .expect("made: no bed has the label");
        until_answered(|| self.open_file(platform, callers))
            .await
            .expect("opened: the child has no file");
    }

    async fn register(&self, platform: &Platform, callers: &Callers) -> Answered {
        let mut client = platform.residents(&callers.clerk);
        let answer = client.register_person(self.register.clone()).await?;
        Ok(answer.map(drop))
    }

    async fn report(&self, platform: &Platform, callers: &Callers) -> Answered {
        let mut client = platform.life_events(&callers.reporter);
        let answer = client.report_death(self.report.clone()).await?;
        Ok(answer.map(drop))
    }

    async fn create_bed(&self, platform: &Platform, callers: &Callers) -> Answered {
        let mut client = platform.elderly_care(&callers.clerk);
        let answer = client.create_bed(self.create_bed.clone()).await?;
        Ok(answer.map(drop))
    }

    async fn open_file(&self, platform: &Platform, callers: &Callers) -> Answered {
        let mut client = platform.child_welfare(&callers.clerk);
        let answer = client.open_child_file(self.open_file.clone()).await?;
        Ok(answer.map(drop))
    }
}

fn newcomer() -> residents::RegisterPersonRequest {
    let birth = jiff::civil::date(1966, 6, 7);
    let number = ResidentNumber::demo(birth, 901).expect("a number");
    let sex = match number.sex() {
        Sex::Male => residents::Sex::Male,
        Sex::Female => residents::Sex::Female,
    };
    residents::RegisterPersonRequest {
        identity: Some(Identity {
            id_type: IdType::ResidentId.into(),
            id_number: number.expose().to_owned(),
            name: "测新".to_owned(),
        }),
        birth_date: Some(date_to_wire(PartialDate::of_day(birth).expect("a day"))),
        sex: sex.into(),
        domicile_division: VILLAGE.to_owned(),
        residence_division: VILLAGE.to_owned(),
        ..Default::default()
    }
}
