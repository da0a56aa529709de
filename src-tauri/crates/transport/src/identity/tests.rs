use super::*;
use crate::names::{DeviceId, PoolId};
use rcgen::{BasicConstraints, DnType, ExtendedKeyUsagePurpose, IsCa, SanType, SignatureAlgorithm};
use std::{
    fs,
    time::{Duration, SystemTime},
};

const POOL: PoolId = PoolId([1; 16]);
const DEVICE: DeviceId = DeviceId([2; 16]);

fn ca(folder: &Path) -> Ca {
    Ca::open(folder, POOL, SystemTime::now()).unwrap()
}

#[test]
fn keys_stay_the_same_and_are_read_by_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("keys");
    let first = Identity::open(&folder).unwrap().spki();
    assert_eq!(Identity::open(&folder).unwrap().spki(), first);
    let authority = ca(&folder);
    let again = ca(&folder);
    assert_eq!(again.certificate(), authority.certificate());
    assert_eq!(again.spki(), authority.spki());
    let keys = EndpointKeys::open(&folder).unwrap();
    let kept = EndpointKeys::open(&folder).unwrap();
    assert_eq!(
        (keys.reset, keys.connection_ids),
        (kept.reset, kept.connection_ids)
    );
    private(&folder);
    let other = tempfile::tempdir().unwrap();
    assert_ne!(Identity::open(other.path()).unwrap().spki(), first);
}

#[cfg(unix)]
fn private(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700);
    let mut files = 0;
    for file in fs::read_dir(folder).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
        files += 1;
    }
    assert_eq!(files, 5, "no temporary file is left");
    let open = folder.join("device.key");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    Identity::open(folder).unwrap();
    assert_eq!(mode(&open), 0o600, "closed again");
}

#[cfg(not(unix))]
fn private(_: &Path) {}

#[test]
fn a_key_file_that_was_cut_short_is_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    Identity::open(folder).unwrap();
    ca(folder);
    EndpointKeys::open(folder).unwrap();
    for name in [
        "device.key",
        "ca.key",
        "ca.crt",
        "reset.key",
        "connection_id.key",
    ] {
        let path = folder.join(name);
        let whole = fs::read(&path).unwrap();
        for bytes in [0, 1, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..bytes]).unwrap();
            let opened = Identity::open(folder)
                .map(drop)
                .and_then(|()| Ca::open(folder, POOL, SystemTime::now()).map(drop))
                .and_then(|()| EndpointKeys::open(folder).map(drop));
            let Err(KeyError::Damaged {
                path: named,
                bytes: seen,
            }) = opened
            else {
                panic!("{name} of {bytes} bytes was taken: {opened:?}");
            };
            assert_eq!((named, seen), (path.clone(), bytes));
            assert_eq!(fs::read(&path).unwrap(), &whole[..bytes], "left as it was");
        }
        fs::write(&path, &whole).unwrap();
    }
    Identity::open(folder).unwrap();
}

#[test]
fn a_ca_whose_certificate_was_never_written_gets_one_for_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    let spki = ca(dir.path()).spki();
    fs::remove_file(dir.path().join("ca.crt")).unwrap();
    assert_eq!(ca(dir.path()).spki(), spki);
}

#[test]
fn a_membership_is_read_as_it_was_written_and_a_damaged_one_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let device = Identity::open(dir.path()).unwrap();
    let authority = ca(dir.path());
    assert!(Membership::load(dir.path()).unwrap().is_none());
    let leaf = authority
        .sign(&device.csr(), DEVICE, Usage::Client, SystemTime::now())
        .unwrap();
    let membership = Membership {
        pool: POOL,
        ca: authority.certificate().to_vec(),
        coordinators: vec![device.spki()],
        leaf,
    };
    membership.save(dir.path()).unwrap();
    assert_eq!(Membership::load(dir.path()).unwrap(), Some(membership));
    let path = dir.path().join("membership");
    let whole = fs::read(&path).unwrap();
    for bytes in 0..whole.len() {
        fs::write(&path, &whole[..bytes]).unwrap();
        let read = Membership::load(dir.path());
        assert!(
            matches!(read, Err(KeyError::Damaged { .. })),
            "{bytes} bytes"
        );
    }
    Membership::forget(dir.path()).unwrap();
    Membership::forget(dir.path()).unwrap();
    assert!(Membership::load(dir.path()).unwrap().is_none());
}

#[test]
fn a_leaf_says_what_the_ca_was_told_and_is_renewed_at_half_its_life() {
    let dir = tempfile::tempdir().unwrap();
    let device = Identity::open(dir.path()).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let der = ca(dir.path())
        .sign(&device.csr(), DEVICE, Usage::Client, now)
        .unwrap();
    let leaf = Leaf::parse(&der).unwrap();
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    assert_eq!(
        leaf,
        Leaf {
            device: DEVICE,
            pool: POOL,
            usage: Usage::Client,
            spki: device.spki(),
            not_before: now - Duration::from_secs(300),
            not_after: now + days(14),
        }
    );
    assert!(!renew_due(&der, now + days(6)).unwrap());
    assert!(renew_due(&der, now + days(7)).unwrap());
    assert!(!leaf.expired(now + days(14)) && leaf.expired(now + days(15)));
}

#[test]
fn two_leaves_have_different_serials_of_16_bytes() {
    use x509_parser::{certificate::X509Certificate, prelude::FromDer};
    let dir = tempfile::tempdir().unwrap();
    let device = Identity::open(dir.path()).unwrap();
    let authority = ca(dir.path());
    let sign = || {
        authority
            .sign(&device.csr(), DEVICE, Usage::Client, SystemTime::now())
            .unwrap()
    };
    let serial = |der: &[u8]| {
        let certificate = X509Certificate::from_der(der).unwrap().1;
        certificate.raw_serial().to_vec()
    };
    let (one, other) = (serial(&sign()), serial(&sign()));
    assert_ne!(one, other);
    assert!(one.len() == 16 && other.len() == 16);
}

/// A request for a key of its own, full of wishes.
fn greedy(algorithm: &'static SignatureAlgorithm) -> (KeyPair, Vec<u8>) {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "root");
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::Any,
    ];
    let name = crate::names::san(DeviceId([9; 16]), POOL);
    params.subject_alt_names = (0..20)
        .map(|_| SanType::DnsName(name.clone().try_into().unwrap()))
        .collect();
    let csr = params.serialize_request(&key).unwrap().der().to_vec();
    (key, csr)
}

#[test]
fn of_a_request_only_the_key_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let (key, csr) = greedy(&rcgen::PKCS_ECDSA_P256_SHA256);
    let der = ca(dir.path())
        .sign(&csr, DEVICE, Usage::Client, SystemTime::now())
        .unwrap();
    let leaf = Leaf::parse(&der).unwrap();
    assert_eq!((leaf.device, leaf.usage), (DEVICE, Usage::Client));
    assert_eq!(leaf.spki, spki_of(&key));
    for wish in [
        &b"root"[..],
        crate::names::san(DeviceId([9; 16]), POOL).as_bytes(),
    ] {
        assert!(!der.windows(wish.len()).any(|bytes| bytes == wish));
    }
}

#[test]
fn requests_for_other_keys_or_without_their_own_signature_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = ca(dir.path());
    let sign = |csr: &[u8]| authority.sign(csr, DEVICE, Usage::Client, SystemTime::now());
    for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let (_, csr) = greedy(algorithm);
        assert!(matches!(sign(&csr), Err(SignError::WrongKey)));
    }
    let device = Identity::open(dir.path()).unwrap();
    let good = device.csr();
    let long = [good.clone(), vec![0; 4096]].concat();
    assert!(matches!(sign(&long), Err(SignError::TooLong(_))));
    for at in 0..good.len() {
        let mut bent = good.clone();
        bent[at] ^= 1;
        // The reader is lenient about what frames the signature's name; what
        // the signature covers it is not.
        if let Ok(leaf) = sign(&bent) {
            let leaf = Leaf::parse(&leaf).unwrap();
            assert_eq!(leaf.spki, device.spki(), "byte {at}");
        }
        assert!(sign(&good[..at]).is_err(), "cut at {at}");
    }
    sign(&good).unwrap();
}

#[test]
fn a_certificate_of_another_shape_is_no_leaf() {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let name = crate::names::san(DEVICE, POOL);
    let make = |names: &[&str], uses: &[ExtendedKeyUsagePurpose], is_ca: IsCa| {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names
            .iter()
            .map(|name| SanType::DnsName((*name).try_into().unwrap()))
            .collect();
        params.extended_key_usages = uses.to_vec();
        params.is_ca = is_ca;
        Leaf::parse(params.self_signed(&key).unwrap().der())
    };
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, ServerAuth};
    let good = make(&[&name], &[ClientAuth], IsCa::ExplicitNoCa).unwrap();
    assert_eq!((good.device, good.pool), (DEVICE, POOL));
    let authority = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(
        make(&[&name], &[ClientAuth], authority),
        Err(LeafError::Authority)
    );
    for uses in [
        &[][..],
        &[ClientAuth, ServerAuth],
        &[ClientAuth, CodeSigning],
        &[Any],
    ] {
        assert_eq!(
            make(&[&name], uses, IsCa::NoCa),
            Err(LeafError::Usage),
            "{uses:?}"
        );
    }
    let name = name.as_str();
    for names in [&[][..], &[name, name], &["studio.local"]] {
        assert_eq!(
            make(names, &[ClientAuth], IsCa::NoCa),
            Err(LeafError::Name),
            "{names:?}"
        );
    }
    assert_eq!(Leaf::parse(b"no certificate"), Err(LeafError::Damaged));
}

#[test]
fn a_bent_or_cut_leaf_is_read_or_refused_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let device = Identity::open(dir.path()).unwrap();
    let good = ca(dir.path())
        .sign(&device.csr(), DEVICE, Usage::Client, SystemTime::now())
        .unwrap();
    for at in 0..good.len() {
        assert_eq!(Leaf::parse(&good[..at]), Err(LeafError::Damaged));
        for bit in 0..8 {
            let mut bent = good.clone();
            bent[at] ^= 1 << bit;
            // Only the CA's signature, which is not looked at here, tells most
            // of them from good ones.
            let _ = Leaf::parse(&bent);
        }
    }
}
