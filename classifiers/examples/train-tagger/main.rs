//! Trains the fast tagger: `train-tagger FOLDER MODEL`.
//!
//! FOLDER holds `gazetteer.tsv` (word, lists as a number), `train/*.jsonl` and `dev/*.jsonl`. Writes
//! MODEL, and beside it MODEL.golden: what the weights before rounding say of some texts of our own.

mod corpus;
mod field;
mod measure;

use corpus::{Numbers, Reader, Text};
use field::{Field, Pace};
use measure::{calibrate, golden, measure};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use weir_classifiers::EntityType;
use weir_classifiers::tagger::training::{Gazetteer, Parts, word_hash};

/// The types that the tagger finds.
const TYPES: &[EntityType] = &[
    EntityType::Person,
    EntityType::Location,
    EntityType::Organization,
    EntityType::DateTime,
    EntityType::Age,
    EntityType::Nrp,
    EntityType::Title,
    EntityType::Username,
    EntityType::CustomerId,
    EntityType::EmployeeId,
    EntityType::Mrn,
    EntityType::Id,
    EntityType::PhoneNumber,
];
/// Features that are seen less often aren't kept.
const FEWEST: u32 = 3;
/// Features in the model.
const KEPT: usize = 190_000;
/// Passes with all features, then with those kept.
const PASSES: (usize, usize) = (3, 1);
const PACE: Pace = Pace { rate: 0.15, decay: 2e-5, hide: 0.12 };
/// Taken from the score of O when the model is used.
const BIAS: f32 = -1.0;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, model] = arguments.as_slice() else { anyhow::bail!("usage: train-tagger FOLDER MODEL") };
    let (words, lists) = gazetteer(&folder.join("gazetteer.tsv"))?;
    let gazetteer = Gazetteer::new(&words, lists.clone());
    let mut reader =
        Reader { types: TYPES, gazetteer: &gazetteer, numbers: Numbers::default(), counts: Vec::new() };
    let mut texts = Vec::new();
    for path in files(&folder.join("train"))? {
        let before = texts.len();
        texts.extend(reader.file(&path)?);
        println!("{}: {} texts", path.display(), texts.len() - before);
    }
    let frequent = reader.counts.iter().enumerate().filter(|(_, count)| **count >= FEWEST);
    let (field, features) = train(&mut texts, &reader, frequent.map(|(at, _)| at).collect());
    drop(texts);
    let mut parts = round(&field, features);
    (parts.words, parts.lists) = (words, lists);
    let dev = files(&folder.join("dev"))?;
    parts.calibration = calibrate(&parts, &dev)?;
    measure(&parts, &dev)?;
    golden(&field, &parts, &dev, &model.with_extension("golden.jsonl"))?;
    std::fs::write(model, parts.write())?;
    Ok(())
}

fn gazetteer(path: &Path) -> anyhow::Result<(Vec<u32>, Vec<u8>)> {
    let mut lists: HashMap<u32, u8> = HashMap::new();
    for line in std::fs::read_to_string(path)?.lines() {
        let Some((word, bits)) = line.split_once('\t') else { anyhow::bail!("not a word and its lists") };
        *lists.entry(word_hash(word)).or_default() |= bits.parse::<u8>()?;
    }
    let mut lists: Vec<(u32, u8)> = lists.into_iter().collect();
    lists.sort_unstable();
    Ok(lists.into_iter().unzip())
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|kind| kind == "jsonl"));
    files.sort();
    Ok(files)
}

/// Trains with the features of the given numbers, then with the weightiest. Returns the hashes of
/// those as well.
fn train(texts: &mut [Text], reader: &Reader<'_>, mut kept: Vec<usize>) -> (Field, Vec<u32>) {
    println!("{} features, {} of them at least {FEWEST} times", reader.counts.len(), kept.len());
    renumber(texts, &kept);
    let mut field = Field::new(TYPES.len() * 2 + 1, kept.len(), 20_261_126);
    for pass in 0..PASSES.0 {
        field.pass(texts, &PACE);
        println!("pass {}", pass + 1);
    }
    let weight =
        |at: &usize| field.weights.get(*at).into_iter().flatten().fold(0.0f32, |a, b| a.max(b.abs()));
    let mut weighty: Vec<usize> = (0..kept.len()).collect();
    weighty.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    weighty.truncate(KEPT);
    field.keep(&weighty);
    renumber(texts, &weighty);
    kept = weighty.iter().filter_map(|at| kept.get(*at).copied()).collect();
    for pass in 0..PASSES.1 {
        field.pass(texts, &PACE);
        println!("pass {} with {} features", PASSES.0 + pass + 1, kept.len());
    }
    let mut hashes: HashMap<usize, u32> = HashMap::with_capacity(reader.numbers.len());
    hashes.extend(reader.numbers.iter().map(|(hash, number)| (*number as usize, *hash)));
    let features = kept.iter().filter_map(|number| hashes.get(number).copied()).collect();
    (field, features)
}

fn renumber(texts: &mut [Text], kept: &[usize]) {
    let pairs = kept.iter().zip(0..).map(|(old, new)| (u32::try_from(*old).unwrap_or(u32::MAX), new));
    let numbers: Numbers = pairs.collect();
    texts.iter_mut().for_each(|text| text.renumber(&numbers));
}

/// Rounds the weights to a byte each; the few beyond the range are cut.
fn round(field: &Field, features: Vec<u32>) -> Parts {
    let mut sizes: Vec<f32> = field.weights.iter().flatten().map(|weight| weight.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    let most = sizes.get(sizes.len() - 1 - sizes.len() / 20_000).copied().unwrap_or(1.0);
    let step = most / 127.0;
    let labels = field.labels;
    let byte = |weight: &f32| (weight / step).round().clamp(-127.0, 127.0) as i8;
    Parts {
        types: TYPES.to_vec(),
        features,
        step,
        weights: field.weights.iter().flat_map(|row| row.iter().take(labels).map(byte)).collect(),
        chain: field.chain.iter().take(labels).flat_map(|row| row.iter().take(labels).copied()).collect(),
        first: field.first.iter().take(labels).copied().collect(),
        bias: BIAS,
        calibration: [1.0, 0.0],
        words: Vec::new(),
        lists: Vec::new(),
    }
}
