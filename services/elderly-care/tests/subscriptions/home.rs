//! Where the stories take place, and the words of receipts.

use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

use crate::common::House;

pub const HOLD: &str = "hold-bed";
pub const END: &str = "end-stay";
pub const RELEASE: &str = "release-bed";
pub const RECOUNT: &str = "recount-days";
pub const RESTORE: &str = "restore-stay";
pub const DONE: &str = "done";
pub const NOTHING: &str = "nothing_to_do";
pub const HUMAN: &str = "needs_human";

/// The grandmother in bed 3-12 and one who waits.
pub struct Home {
    pub facility: String,
    pub bed: pb::Bed,
    pub stay: pb::Stay,
    pub grandmother: Uuid,
    pub next: Uuid,
}

impl Home {
    /// In a facility of its own.
    pub async fn at(house: &House) -> Self {
        let (grandmother, next) = (house.register.person(), house.register.person());
        let facility = house.facility("测试敬老院").await;
        let bed = house.bed(&facility, "3-12").await;
        let stay = house.place(&bed, grandmother).await;
        house.wait(&facility, next, 2).await;
        Self {
            facility,
            bed,
            stay,
            grandmother,
            next,
        }
    }

    /// Both of them.
    pub fn both(&self) -> [Uuid; 2] {
        [self.grandmother, self.next]
    }
}
