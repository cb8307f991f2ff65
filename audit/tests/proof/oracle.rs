//! Roots and proofs agree with an implementation by other people, on random trees.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof};
use proptest::prelude::*;
use sha2_next::Sha256;
use weir_audit::proof::checkpoint::Checkpoint;
use weir_audit::proof::evidence::Inclusion;
use weir_audit::proof::frontier::{Frontier, Tile};
use weir_audit::proof::tiles::Tiles;
use weir_audit::proof::{Hash, record_hash};

fn leaf(index: u64) -> Vec<u8> {
    format!("leaf {index}").into_bytes()
}

fn oracle(size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    (0..size).for_each(|index| tree.push(leaf(index)));
    tree
}

/// Our tree of `size` leaves, written to tiles in steps of `step`.
fn ours(size: u64, step: u64) -> (tempfile::TempDir, Tiles, Hash) {
    let dir = tempfile::tempdir().unwrap();
    let tiles = Tiles::new(dir.path());
    let mut frontier = Frontier::default();
    while frontier.size() < size {
        let mut full: Vec<Tile> = Vec::new();
        for index in frontier.size()..size.min(frontier.size() + step) {
            frontier.push(record_hash(&leaf(index)), &mut full);
        }
        full.extend(frontier.partial());
        tiles.write(&full).unwrap();
        // As after a restart.
        assert_eq!(tiles.frontier(frontier.size()).unwrap(), frontier);
    }
    (dir, tiles, frontier.root())
}

fn digests(proof: &[Hash]) -> Vec<ct_merkle::digest::Output<Sha256>> {
    proof.iter().map(|hash| hash.0.into()).collect()
}

fn check(size: u64, old: u64, index: u64, step: u64) {
    let (_dir, tiles, root) = ours(size, step);
    let tree = oracle(size);
    assert_eq!(root.0.as_slice(), tree.root().as_bytes().as_slice(), "root of {size}");

    let proof = tiles.inclusion(index, size).unwrap();
    let theirs = tree.prove_inclusion(usize::try_from(index).unwrap());
    assert_eq!(InclusionProof::<Sha256>::from_digests(&digests(&proof)).as_bytes(), theirs.as_bytes());
    let inclusion = Inclusion { index, proof: proof.iter().map(Hash::to_string).collect() };
    let checkpoint = Checkpoint { origin: "weir/a".into(), size, root };
    assert!(inclusion.holds(&leaf(index), &checkpoint));
    assert!(!inclusion.holds(&leaf(index + 1), &checkpoint));

    let proof = tiles.consistency(old, size).unwrap();
    let theirs = tree.prove_consistency(usize::try_from(size - old).unwrap());
    assert_eq!(ConsistencyProof::<Sha256>::from_digests(&digests(&proof)).as_bytes(), theirs.as_bytes());
    assert_eq!(tiles.frontier(old).unwrap().root().0.as_slice(), oracle(old).root().as_bytes().as_slice());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn random_trees((size, old, index) in (1_u64..2500).prop_flat_map(|size| (Just(size), 1..=size, 0..size)), step in 1_u64..700) {
        check(size, old, index, step);
    }
}

#[test]
fn trees_at_the_borders_of_tiles() {
    for size in [1, 2, 255, 256, 257, 511, 512, 513, 65_536, 65_537] {
        check(size, size.div_ceil(2), size / 3, 9_999);
    }
}

#[test]
fn what_is_not_in_the_tree_has_no_proof() {
    let (_dir, tiles, _) = ours(300, 300);
    assert!(tiles.inclusion(300, 300).is_err() && tiles.inclusion(0, 0).is_err());
    assert!(tiles.inclusion(0, 700).is_err() && tiles.consistency(300, 700).is_err());
    assert!(tiles.inclusion(0, u64::MAX).is_err() && tiles.consistency(1, u64::MAX).is_err());
    assert!(tiles.consistency(300, 299).is_err());
    assert_eq!(tiles.consistency(0, 300).unwrap(), []);
}

#[test]
fn proofs_of_what_is_kept_stand_after_the_front_is_pruned() {
    let size = 1500;
    let (dir, tiles, root) = ours(size, size);
    let before: Vec<_> = (600..size).map(|index| tiles.inclusion(index, size).unwrap()).collect();
    assert_eq!(tiles.prune(256).unwrap(), 0);
    // Records before 601 are gone: two whole tiles.
    assert_eq!(tiles.prune(601).unwrap(), 2);
    assert_eq!(tiles.prune(601).unwrap(), 0);
    let tiles = Tiles::new(dir.path());
    let after: Vec<_> = (600..size).map(|index| tiles.inclusion(index, size).unwrap()).collect();
    assert_eq!(before, after);
    assert!(tiles.inclusion(100, size).is_err());
    assert_eq!(tiles.frontier(size).unwrap().root(), root);
    for old in [600, 700, 1024, 1499] {
        assert!(tiles.consistency(old, size).is_ok(), "{old}");
    }
}
