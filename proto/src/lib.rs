//! The contracts of Minzheng: gRPC services, events, topics, and the catalogue that ties an event
//! to its topic and key. Nothing here decides anything.

pub mod catalogue;
pub mod death_plan;
pub mod topics;

/// The descriptor set of all contracts, for server reflection and the coverage tests.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

#[allow(missing_docs, clippy::all)]
mod generated {
    pub mod common {
        pub mod v1 {
            tonic::include_proto!("minzheng.common.v1");
        }
    }
    pub mod work {
        pub mod v1 {
            tonic::include_proto!("minzheng.work.v1");
        }
    }
    pub mod operations {
        pub mod v1 {
            tonic::include_proto!("minzheng.operations.v1");
        }
    }
    pub mod life_events {
        pub mod v1 {
            tonic::include_proto!("minzheng.life_events.v1");
        }
    }
    pub mod residents {
        pub mod v1 {
            tonic::include_proto!("minzheng.residents.v1");
        }
    }
    pub mod elderly_care {
        pub mod v1 {
            tonic::include_proto!("minzheng.elderly_care.v1");
        }
    }
    pub mod child_welfare {
        pub mod v1 {
            tonic::include_proto!("minzheng.child_welfare.v1");
        }
    }
}

pub use generated::{
    child_welfare, common, elderly_care, life_events, operations, residents, work,
};
