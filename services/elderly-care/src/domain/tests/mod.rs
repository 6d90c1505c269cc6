//! Stories and properties of the whole domain, upon a small world that loads and saves like the
//! storage does.

mod merging;
mod order;
mod refusals;
mod store;
mod stories;
mod world;
