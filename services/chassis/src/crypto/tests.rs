use std::fs;

use proptest::prelude::*;

use super::*;

const NAME: FieldAddress<'static> = FieldAddress {
    service: "residents",
    table: "resident",
    column: "name",
    row: "42",
};

fn ring() -> &'static KeyRing {
    static RING: std::sync::OnceLock<KeyRing> = std::sync::OnceLock::new();
    RING.get_or_init(KeyRing::ephemeral)
}

#[test]
fn the_layout_is_version_key_id_nonce_ciphertext() {
    let field = ring().encrypt_field(NAME, "张三".as_bytes());
    assert_eq!(field.len(), 1 + 4 + 12 + 6 + 16);
    assert_eq!(field[0], 1);
    assert_eq!(field[1..5], ring().key_id().to_be_bytes());
    assert_eq!(ring().decrypt_text(NAME, &field).unwrap().expose(), "张三");
    // A fresh nonce each time.
    assert_ne!(field, ring().encrypt_field(NAME, "张三".as_bytes()));
}

#[test]
fn another_place_does_not_decrypt() {
    let field = ring().encrypt_field(NAME, b"x");
    let elsewhere = [
        FieldAddress {
            service: "benefits",
            ..NAME
        },
        FieldAddress {
            table: "resident_history",
            ..NAME
        },
        FieldAddress {
            column: "phone",
            ..NAME
        },
        FieldAddress { row: "43", ..NAME },
        // The same letters, cut elsewhere.
        FieldAddress {
            table: "residentn",
            column: "ame",
            ..NAME
        },
    ];
    for address in elsewhere {
        assert_eq!(
            ring().decrypt_field(address, &field),
            Err(DecryptError::Forged)
        );
    }
}

#[test]
fn each_failure_is_told_apart() {
    let field = ring().encrypt_field(NAME, b"x");
    assert_eq!(
        ring().decrypt_field(NAME, &field[..32]),
        Err(DecryptError::TooShort)
    );
    assert_eq!(ring().decrypt_field(NAME, &[]), Err(DecryptError::TooShort));
    let mut other_version = field.clone();
    other_version[0] = 9;
    assert_eq!(
        ring().decrypt_field(NAME, &other_version),
        Err(DecryptError::Version(9))
    );
    let other = KeyRing::ephemeral();
    assert_eq!(
        other.decrypt_field(NAME, &field),
        Err(DecryptError::OtherKey {
            needed: ring().key_id(),
            held: other.key_id()
        })
    );
    let binary = ring().encrypt_field(NAME, &[0xff]);
    assert_eq!(
        ring().decrypt_text(NAME, &binary),
        Err(DecryptError::NotText)
    );
}

#[test]
fn hashes_depend_on_key_usage_and_purpose() {
    let hash = ring().blind_index("id_number", b"1");
    assert_eq!(hash, ring().blind_index("id_number", b"1"));
    assert_ne!(hash, ring().blind_index("id_number", b"2"));
    assert_ne!(hash, ring().blind_index("phone", b"1"));
    assert_ne!(hash, ring().mac("id_number", b"1"));
    assert_ne!(hash, KeyRing::ephemeral().blind_index("id_number", b"1"));
    let mac = ring().mac("audit", b"record");
    assert!(ring().verify_mac("audit", b"record", &mac));
    assert!(!ring().verify_mac("audit", b"Record", &mac));
    assert!(!ring().verify_mac("other", b"record", &mac));
    assert!(!ring().verify_mac("audit", b"record", &mac[..31]));
}

#[test]
fn a_key_file_brings_the_same_keys_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    let made = KeyRing::generate(&path).unwrap();
    let field = made.encrypt_field(NAME, b"kept");
    let loaded = KeyRing::load(&path).unwrap();
    assert_eq!(loaded.key_id(), made.key_id());
    assert_eq!(
        loaded.decrypt_field(NAME, &field).unwrap().expose(),
        b"kept"
    );
    assert_eq!(loaded.blind_index("a", b"b"), made.blind_index("a", b"b"));
    // A key is never overwritten.
    let again = KeyRing::generate(&path);
    assert!(
        matches!(again, Err(KeyFileError::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists)
    );
    assert_eq!(KeyRing::load(&path).unwrap().key_id(), made.key_id());
}

/// What is stored depends on these for ever. The values are those of another implementation of
/// HKDF, HMAC and AES-GCM.
#[test]
fn stored_bytes_stay_readable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    write_private(&path, &"0f".repeat(32));
    let ring = KeyRing::load(&path).unwrap();
    assert_eq!(format!("{:08x}", ring.key_id()), "d36f9204");
    assert_eq!(
        hex::encode(ring.blind_index("id_number", b"11010519491231002X")),
        "dbb9d1f7a3127f213ce94ae38d149d0265a29d73f801749eefc22121ab911343"
    );
    assert_eq!(
        hex::encode(ring.mac("audit", b"record")),
        "4268116fdcc6cf60135d0fa592ad03fc0ecadfbbbf8df97ca74a0ab231e8d87d"
    );
    let field = hex::decode(
        "01d36f9204000102030405060708090a0b6002c8239119db359c95910080ec9c40c2448af1aa5e",
    )
    .unwrap();
    let name = ring.decrypt_text(NAME, &field).unwrap();
    assert_eq!(name.expose(), "张三");
}

#[test]
fn bad_key_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    assert!(matches!(KeyRing::load(&path), Err(KeyFileError::Io { .. })));
    for text in [
        "",
        "0f",
        &"0g".repeat(32),
        &"0f".repeat(33),
        &"0f".repeat(40),
    ] {
        write_private(&path, text);
        assert!(
            matches!(KeyRing::load(&path), Err(KeyFileError::Malformed { .. })),
            "{text}"
        );
    }
    write_private(&path, &format!("{}\r\n", "0f".repeat(32)));
    assert!(KeyRing::load(&path).is_ok());
}

#[cfg(unix)]
#[test]
fn key_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    KeyRing::generate(&path).unwrap();
    let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    mode(0o644);
    assert!(matches!(
        KeyRing::load(&path),
        Err(KeyFileError::Open { .. })
    ));
    mode(0o440);
    assert!(KeyRing::load(&path).is_ok());
}

#[test]
fn secrets_do_not_print() {
    let secret = Secret::new("52990019500101001X".to_owned());
    assert_eq!(
        format!("{secret} {secret:?} {:?}", Some(&secret)),
        "*** *** Some(***)"
    );
    assert_eq!(secret.expose(), "52990019500101001X");
    let read: Secret<String> = serde_json::from_str("\"x\"").unwrap();
    assert_eq!(read, Secret::from("x".to_owned()));
    let text = format!("{:?}", ring());
    assert_eq!(
        text,
        format!("KeyRing {{ key_id: {:08x}, .. }}", ring().key_id())
    );
}

fn write_private(path: &std::path::Path, text: &str) {
    fs::write(path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

proptest! {
    #[test]
    fn what_is_encrypted_decrypts(plaintext in prop::collection::vec(any::<u8>(), 0..300), row in "\\PC{0,20}") {
        let address = FieldAddress { row: &row, ..NAME };
        let field = ring().encrypt_field(address, &plaintext);
        let decrypted = ring().decrypt_field(address, &field).unwrap();
        prop_assert_eq!(decrypted.expose(), &plaintext);
    }

    #[test]
    fn a_changed_bit_is_noticed(plaintext in prop::collection::vec(any::<u8>(), 0..60), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut field = ring().encrypt_field(NAME, &plaintext);
        let at = at.index(field.len());
        field[at] ^= 1 << bit;
        prop_assert!(ring().decrypt_field(NAME, &field).is_err());
    }

    #[test]
    fn another_address_is_noticed(parts in prop::collection::vec("[a-c]{0,3}", 8)) {
        let [a, b, c, d, e, f, g, h] = parts.as_slice() else { unreachable!() };
        let left = FieldAddress { service: a, table: b, column: c, row: d };
        let right = FieldAddress { service: e, table: f, column: g, row: h };
        let field = ring().encrypt_field(left, b"x");
        prop_assert_eq!(ring().decrypt_field(right, &field).is_ok(), left == right);
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(ring().decrypt_field(NAME, &bytes).is_err());
    }
}
