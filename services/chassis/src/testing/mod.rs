//! What the tests of this and other crates share: conformance suites, fakes, throw-away things.

pub mod bus_conformance;
