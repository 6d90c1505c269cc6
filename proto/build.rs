//! Compiles the contracts with protox (no protoc) and keeps the descriptor set for reflection and
//! for the tests that walk it.

use std::path::PathBuf;
use std::{env, fs};

use prost::Message;

/// Every file of the contracts.
const FILES: &[&str] = &[
    "minzheng/common/v1/common.proto",
    "minzheng/work/v1/work_service.proto",
    "minzheng/operations/v1/operations_service.proto",
    "minzheng/life_events/v1/events.proto",
    "minzheng/life_events/v1/death_case.proto",
    "minzheng/life_events/v1/death_case_service.proto",
    "minzheng/residents/v1/events.proto",
    "minzheng/residents/v1/person.proto",
    "minzheng/residents/v1/residents_service.proto",
    "minzheng/elderly_care/v1/elderly_care_service.proto",
    "minzheng/elderly_care/v1/events.proto",
    "minzheng/elderly_care/v1/facility.proto",
    "minzheng/elderly_care/v1/stay.proto",
    "minzheng/elderly_care/v1/waiting_list.proto",
    "minzheng/child_welfare/v1/child.proto",
    "minzheng/child_welfare/v1/child_welfare_service.proto",
    "minzheng/child_welfare/v1/events.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=minzheng");
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .btree_map(".")
        .compile_fds(descriptors)?;
    Ok(())
}
