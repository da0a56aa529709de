//! What the bundle holds, whatever was built.

#[test]
fn every_kernel_is_a_module_under_its_own_name() {
    for kernel in bundle::kernels() {
        assert!(
            kernel.bytes.starts_with(b"\0asm\x01\0\0\0"),
            "{kernel:?} is not a core module"
        );
        assert_eq!(
            kernel.hash,
            *blake3::hash(kernel.bytes).as_bytes(),
            "{kernel:?}"
        );
        assert_eq!(bundle::kernel(kernel.name), Some(kernel));
    }
    assert!(bundle::kernels().is_sorted_by_key(|kernel| kernel.name));
}

#[test]
fn an_unknown_name_is_no_kernel() {
    assert_eq!(bundle::kernel("no such kernel"), None);
}
