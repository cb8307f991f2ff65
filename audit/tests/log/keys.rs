//! Keys of bodies: each opens its own and no other, and none is taken for an erased one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use tempfile::tempdir;
use weir_audit::vault::{Hidden, Kek, Opened, change_kek};
use weir_audit::{AuditError, BodyKind, Vault, VaultOptions};

use crate::support::*;
use crate::vault::*;

#[test]
fn a_vault_opens_with_its_own_key_only() {
    let open = |place: &Place, kek: Kek| {
        let options = VaultOptions { kek, ..VaultOptions::default() };
        Vault::open(&place.bodies_dir(), &place.keys_dir(), options)
    };
    let given = |byte: u8| Kek::Given(zeroize::Zeroizing::new([byte; 32]));
    let place = Place::new();
    open(&place, given(1)).unwrap();
    open(&place, given(1)).unwrap();
    assert!(matches!(open(&place, given(2)), Err(AuditError::WrongKey { .. })));
    assert!(
        matches!(open(&place, Kek::Beside), Err(AuditError::WrongKey { .. })),
        "none is made for an old store"
    );
    assert!(!place.keys_dir().join("kek").exists());

    let place = Place::new();
    let elsewhere = tempdir().unwrap();
    let path = elsewhere.path().join("kek");
    open(&place, Kek::File(path.clone())).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    open(&place, Kek::File(path.clone())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(
        matches!(open(&place, Kek::File(path.clone())), Err(AuditError::KeyStore { .. })),
        "others may read it"
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, [7; 31]).unwrap();
    assert!(matches!(open(&place, Kek::File(path)), Err(AuditError::KeyStore { .. })), "cut short");
}

#[test]
fn a_new_key_encryption_key_opens_what_the_old_one_did_also_after_a_rotation_was_broken_off() {
    let place = Place::new();
    let given = |byte: u8| Kek::Given(zeroize::Zeroizing::new([byte; 32]));
    let open = |kek| place.vault_with(VaultOptions { kek, ..VaultOptions::default() });
    let vault = open(given(1));
    let log = place.log(&vault);
    let id = run(call(&log, &vault, Some("ada")));
    vault.subject_ref("other", "bob").unwrap();
    drop((log, vault));
    let before = tempdir().unwrap();
    copy(&place.keys_dir(), before.path());
    let change = |from, to| change_kek(&place.keys_dir(), from, to, &*place.clock);
    assert!(matches!(change(given(3), given(4)), Err(AuditError::WrongKey { .. })));
    let tenants =
        files(&place.keys_dir()).into_iter().filter(|it| it.ends_with("tenant")).collect::<Vec<_>>();
    for rewrapped in 0..=tenants.len() {
        assert_eq!(change(given(1), given(2)).unwrap(), 2);
        // As if it had been broken off: the rest is as it was.
        for path in tenants.iter().skip(rewrapped).chain([&place.keys_dir().join("store")]) {
            fs::copy(before.path().join(path.strip_prefix(place.keys_dir()).unwrap()), path).unwrap();
        }
        assert_eq!(change(given(1), given(2)).unwrap(), 2);
        assert_eq!(
            opened(&open(given(2)), &place.call(id).0, BodyKind::Sent),
            Ok(text("ada", BodyKind::Sent))
        );
    }
    let old = VaultOptions { kek: given(1), ..VaultOptions::default() };
    let old = Vault::open(&place.bodies_dir(), &place.keys_dir(), old);
    assert!(matches!(old, Err(AuditError::WrongKey { .. })));
    let path = place.dir.path().join("kek");
    assert_eq!(change(given(2), Kek::File(path.clone())).unwrap(), 2);
    assert!(opened(&open(Kek::File(path)), &place.call(id).0, BodyKind::Sent).is_ok());
}

#[test]
fn a_damaged_key_is_never_taken_for_an_erased_one() {
    let place = Place::new();
    let vault = place.vault();
    let log = place.log(&vault);
    let id = run(call(&log, &vault, Some("ada")));
    let (intent, _) = place.call(id);
    let stored: Vec<_> = files(&place.keys_dir()).into_iter().filter(|it| !it.ends_with("lock")).collect();
    for path in stored {
        let whole = fs::read(&path).unwrap();
        for byte in (0..whole.len()).step_by(5) {
            let mut bytes = whole.clone();
            bytes[byte] ^= 0x04;
            fs::write(&path, bytes).unwrap();
            let vault = Vault::open(&place.bodies_dir(), &place.keys_dir(), VaultOptions::default());
            let shown = vault.and_then(|vault| vault.open_body(&intent, BodyKind::Request));
            let is_honest = match &shown {
                Ok(Opened::Plain(plain)) => path.ends_with("epoch") && !plain.as_bytes().is_empty(),
                Ok(Opened::Hidden(why)) => *why == Hidden::Damaged,
                Err(AuditError::WrongKey { .. } | AuditError::KeyStore { .. }) => true,
                Err(_) => false,
            };
            assert!(is_honest, "byte {byte} of {}: {shown:?}", path.display());
        }
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(opened(&vault, &intent, BodyKind::Request), Ok(text("ada", BodyKind::Request)));
}

#[test]
fn references_are_the_same_for_everyone_and_differ_by_tenant() {
    let place = Place::new();
    let vaults = [place.vault(), place.vault()];
    let handles: Vec<_> = (0..4)
        .map(|worker| {
            let vault = Arc::clone(&vaults[worker % 2]);
            std::thread::spawn(move || {
                let of =
                    |subject: usize| vault.subject_ref("acme", &format!("s{subject}")).unwrap().to_string();
                (0..40).map(of).collect::<Vec<_>>()
            })
        })
        .collect();
    let refs: Vec<_> = handles.into_iter().map(|it| it.join().unwrap()).collect();
    assert!(refs.windows(2).all(|pair| pair[0] == pair[1]));
    let distinct: std::collections::HashSet<_> = refs[0].iter().collect();
    assert_eq!(distinct.len(), 40);
    assert_ne!(vaults[0].subject_ref("other", "s0").unwrap().as_str(), refs[0][0]);
    assert_eq!(vaults[1].known_ref("acme", "s7").unwrap().unwrap().as_str(), refs[0][7]);
    assert_eq!(vaults[1].known_ref("acme", "s99").unwrap(), None);
    assert_eq!(vaults[1].known_ref("nobody", "s0").unwrap(), None);
    // A name that records cut is cut in the same way.
    let long = "t".repeat(200);
    let cut = weir_audit::Text::from(long.clone());
    assert_eq!(
        vaults[0].subject_ref(&long, "s0").unwrap(),
        vaults[1].subject_ref(cut.as_str(), "s0").unwrap()
    );
    assert_eq!(vaults[0].subject("acme", None).unwrap().reference(), None);
}

#[test]
fn a_cache_that_holds_one_key_still_finds_all() {
    let place = Place::new();
    let vault = place.vault_with(VaultOptions { cached_keys: 1, ..VaultOptions::default() });
    let of = |round: usize| {
        let names =
            (0..20).map(|subject| vault.subject_ref("acme", &format!("s{subject}")).unwrap().to_string());
        (round, names.collect::<Vec<_>>()).1
    };
    assert_eq!(of(0), of(1));
}
