//! Benchmarks of the engine: `cargo bench -p vfxb-benches`. What they share goes here; nothing does yet.
