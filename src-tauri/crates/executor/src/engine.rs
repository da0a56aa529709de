//! How the engine is configured, the same for compiling and for running; a
//! feature of wasm is on only where the inspector lets it pass.

use std::num::NonZeroUsize;

use sandbox::{CompileSettings, limits};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// Address space reserved for a guest's memory, in bytes: all that 32 bits
/// reach, so that no access needs a check.
const MEMORY_RESERVATION_BYTES: u64 = 4 << 30;
/// Largest bookkeeping of one instance, in bytes; a module of 100,000
/// functions in a table stays below.
const INSTANCE_BYTES_MAX: usize = 16 << 20;

/// An engine for code of these settings.
pub(crate) fn engine(settings: CompileSettings) -> wasmtime::Result<Engine> {
    Engine::new(&config(settings))
}

/// Names everything that compiled code depends on, the engine's version among it, in 16 hex digits.
#[cfg(feature = "compile")]
pub(crate) fn fingerprint(settings: CompileSettings) -> wasmtime::Result<String> {
    use std::hash::{DefaultHasher, Hash, Hasher};

    let mut hasher = DefaultHasher::new();
    engine(settings)?
        .precompile_compatibility_hash()
        .hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

fn config(settings: CompileSettings) -> Config {
    let mut config = Config::new();
    #[cfg(feature = "compile")]
    config
        .strategy(wasmtime::Strategy::Cranelift)
        .cranelift_nan_canonicalization(false);
    config
        .consume_fuel(settings.fuel)
        // The parent kills at the deadline; checks in every loop would cost
        // up to twice the time.
        .epoch_interruption(false)
        .max_wasm_stack(limits::WASM_STACK_BYTES)
        .async_stack_size(limits::FIBER_STACK_BYTES)
        // One person and one module per process: what the stack held was the same module's.
        .async_stack_zeroing(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_custom_page_sizes(false)
        .wasm_threads(false)
        .shared_memory(false)
        .wasm_shared_everything_threads(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_stack_switching(false)
        .wasm_wide_arithmetic(false)
        .wasm_relaxed_simd(true)
        .relaxed_simd_deterministic(true)
        .concurrency_support(false)
        .signals_based_traps(true)
        .memory_reservation(MEMORY_RESERVATION_BYTES)
        .guard_before_linear_memory(true)
        .memory_init_cow(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(limits::BACKTRACE_FRAMES_MAX))
        .debug_info(false);
    if !settings.on_demand {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    }
    config
}

/// One slot: the process runs one task at a time.
fn pool() -> PoolingAllocationConfig {
    let tables = u32::try_from(limits::TABLES_MAX).expect("a handful");
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(1)
        .total_component_instances(1)
        .total_memories(1)
        .total_tables(tables)
        .total_stacks(1)
        .total_gc_heaps(0)
        .max_memories_per_module(1)
        .max_tables_per_module(tables)
        .max_core_instance_size(INSTANCE_BYTES_MAX)
        .max_memory_size(usize::try_from(limits::MEMORY_BYTES_MAX).expect("64-bit machines only"))
        .table_elements(limits::LARGE_TABLE_ELEMENTS_MAX)
        .linear_memory_keep_resident(limits::KEEP_RESIDENT_BYTES)
        .table_keep_resident(1 << 20)
        .pagemap_scan(Enabled::Auto);
    pool
}
