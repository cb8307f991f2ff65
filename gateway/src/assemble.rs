//! Makes the parts of the gateway from settings: at the start, and again at every reload.

use std::{io::Write, sync::Arc};

use anyhow::{Context, Result, bail};
use weir_accounting::{Catalogue, Factors};
use weir_callers::{
    Callers, CallersOptions,
    keys::{Created, KeyFile},
};
use weir_inference::{EngineOptions, ModelFiles, Service};
use weir_policies::{Keeper, PolicySet, PseudonymKey};

use crate::{
    archive::Memory,
    controls::{self, Ingredients},
    gate::Live,
    keyring::Keyring,
    routing::{Table, Upstream},
    settings::{self, Baseline, Engine, Settings},
};

/// Upstreams that are kept across reloads: models are loaded once, and connections and standing live on where
/// an upstream's settings did not change.
#[derive(Default)]
pub struct Engines {
    upstreams: Vec<Arc<Upstream>>,
    models: Option<(settings::EmbeddedEngine, Service)>,
}

/// Opens the door for callers. The first start makes an admin key and shows it once.
///
/// # Errors
/// When keys or key sets can't be read.
pub fn callers(settings: &Settings) -> Result<Callers> {
    let made = KeyFile::open(&settings.data_dir)?.ensure_admin(settings.admin_key.as_ref())?;
    // A key that was given is known to who gave it: it is not shown.
    if let (Some(created), None) = (made, &settings.admin_key) {
        announce(&created).context("the admin key can't be shown")?;
    }
    let options = CallersOptions {
        keys: settings.auth.keys,
        jwt: settings.auth.jwt.clone(),
        ..CallersOptions::new(settings.data_dir.clone())
    };
    Ok(Callers::open(&options)?)
}

fn announce(created: &Created) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "Admin key, shown only now: {}", created.secret.expose())?;
    out.flush()
}

/// Everything a reload replaces.
///
/// # Errors
/// The first part that can't be made; nothing is changed then.
pub fn live(
    settings: &Settings,
    (keyring, memory): (&Keyring, &Arc<Memory>),
    engines: &mut Engines,
) -> Result<Live> {
    let policies = Arc::new(policies(settings, memory)?);
    let catalogue = match &settings.prices {
        None => Catalogue::shipped(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("the price file {} can't be read", path.display()))?;
            Catalogue::parse(&text, &path.display().to_string())?
        }
    };
    let ingredients = Ingredients {
        policies: policies.clone(),
        pseudonym_key: PseudonymKey::from_bytes(keyring.pseudonyms()),
        keeper: memory.keeps().then(|| Arc::clone(memory) as Arc<dyn Keeper>),
        inspection: settings.limits.inspection,
        catalogue: Arc::new(catalogue),
        factors: Arc::new(Factors::shipped()),
        carbon: settings.carbon.clone(),
    };
    let upstreams = upstreams(settings, engines)?;
    let live = Live {
        table: Table::new(&settings.routes, upstreams.clone()),
        controls: controls::all(&ingredients).context("the controls can't be made from the policies")?,
        policy_hash: policies.hash().into(),
    };
    engines.upstreams = upstreams;
    Ok(live)
}

/// The policies, where all that they demand can be had.
fn policies(settings: &Settings, memory: &Memory) -> Result<PolicySet> {
    let files = &settings.policies.files;
    let read = match settings.policies.baseline {
        Baseline::On => PolicySet::load_behind_baseline(files),
        Baseline::Off => PolicySet::load(files),
    };
    let problems = match read {
        Ok(set) if memory.keeps() => return Ok(set),
        Ok(set) => match set.demands() {
            none if none.is_empty() => return Ok(set),
            demands => demands,
        },
        Err(problems) => problems,
    };
    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
    bail!("the policies have faults:\n{}", list.join("\n"))
}

fn upstreams(settings: &Settings, engines: &mut Engines) -> Result<Vec<Arc<Upstream>>> {
    let mut made = Vec::with_capacity(settings.upstreams.len());
    for wanted in &settings.upstreams {
        let kept = engines.upstreams.iter().find(|upstream| upstream.settings == *wanted);
        made.push(match kept {
            Some(kept) => kept.clone(),
            None => Arc::new(upstream(wanted, engines)?),
        });
    }
    Ok(made)
}

fn upstream(wanted: &settings::Upstream, engines: &mut Engines) -> Result<Upstream> {
    match &wanted.engine {
        Engine::OpenAi(vendor) => Ok(Upstream::wire(wanted.clone(), (**vendor).clone())?),
        Engine::Embedded(embedded) => {
            let service = service(embedded, engines)?;
            Ok(Upstream::embedded(wanted.clone(), service))
        }
    }
}

fn service(wanted: &settings::EmbeddedEngine, engines: &mut Engines) -> Result<Service> {
    if let Some((settings, service)) = &engines.models {
        if settings == wanted {
            return Ok(service.clone());
        }
        bail!("the embedded engine's settings changed; restart to load its models anew");
    }
    let files = ModelFiles::at(&wanted.models);
    let options = EngineOptions { threads: wanted.threads, ..EngineOptions::default() };
    let service = Service::load(&files, options).context("the embedded models can't be loaded")?;
    engines.models = Some((wanted.clone(), service.clone()));
    Ok(service)
}
