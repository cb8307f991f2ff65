//! EcoLogits' published method for generative models, version 0.11.3, written anew from its formulas.
//!
//! Source of formulas and constants: the EcoLogits methodology (<https://ecologits.ai>), regressions
//! on the ML.ENERGY benchmark, a p5.48xlarge-like server of 8 GPUs with 80 GB each. Input tokens are
//! not part of the method.

use std::time::Duration;

use crate::impact::Range;

/// Requests a server is assumed to handle at once.
const BATCH: f64 = 64.0;
/// Wh per token and GPU: slope for billions of active parameters, exponent for the batch, offset.
const GPU_ENERGY: (f64, f64, f64) =
    (1.166_527_317_045_191_4e-6, -0.011_205_921_025_579_175, 4.052_928_146_734_005e-5);
/// Seconds per token: slopes for billions of active parameters and for the batch, offset.
const TOKEN_LATENCY: (f64, f64, f64) =
    (6.785_088_094_353_663e-4, 3.119_310_311_688_259e-4, 0.019_473_717_579_473_387);
/// GB of memory of one GPU, and the factor for what lies there beside the weights.
const GPU_MEMORY: (f64, f64) = (80.0, 1.2);
/// GPUs of one server, and its power without them in kW.
const SERVER: (f64, f64) = (8.0, 1.2);
/// Seconds that hardware is in use: three years of 365 days.
const LIFESPAN: f64 = 94_608_000.0;
/// kgCO2e, kgSbe and MJ to make one server without GPUs, and one GPU.
const EMBODIED_SERVER: [f64; 3] = [5700.0, 0.37, 70_000.0];
const EMBODIED_GPU: [f64; 3] = [273.0, 0.008_95, 3721.0];

/// A model as deployed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deployment {
    /// Parameters used for a token, in billions.
    pub active: Range,
    /// All parameters, in billions.
    pub total: Range,
    /// Bits of a weight.
    pub weight_bits: f64,
    /// Tokens a second, where known.
    pub tokens_per_second: Option<f64>,
    /// Seconds to the first token, where known.
    pub first_token: Option<f64>,
}

/// What a request asked of the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Generation {
    /// Generated tokens.
    pub tokens: u64,
    /// Measured time from request to last token; caps the modelled time. `None`: not measured.
    pub latency: Option<Duration>,
}

/// A data centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Site {
    /// Power usage effectiveness: facility energy by IT energy.
    pub pue: Range,
    /// Water usage effectiveness in litres a kWh of IT energy.
    pub wue: Range,
}

/// What a kilowatt-hour from a grid stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ElectricityMix {
    /// kgCO2e a kWh.
    pub gwp: f64,
    /// Litres of water a kWh.
    pub wue: f64,
    /// kgSbe a kWh, where a pack has it.
    pub adpe: Option<f64>,
    /// MJ of primary energy a kWh, where a pack has it.
    pub pe: Option<f64>,
}

/// Impacts of one phase, use or making.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// kgCO2e.
    pub gwp: Range,
    /// kgSbe, where the factor is known.
    pub adpe: Option<Range>,
    /// MJ of primary energy, where the factor is known.
    pub pe: Option<Range>,
}

/// All that the method yields for one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Footprint {
    /// kWh.
    pub energy: Range,
    /// Litres of water, use phase.
    pub wcf: Range,
    /// From using electricity.
    pub usage: Phase,
    /// The request's share of making the hardware.
    pub embodied: Phase,
}

/// The footprint of one request. Ranges combine lower bounds with lower bounds and upper with upper.
pub fn footprint(
    deployment: &Deployment,
    generation: &Generation,
    site: &Site,
    mix: &ElectricityMix,
) -> Footprint {
    let tokens = generation.tokens as f64;
    let gpus = deployment.total.map(|billions| gpu_count(billions, deployment.weight_bits));
    let seconds = deployment.active.map(|billions| generation_time(deployment, generation, billions));
    let gpu_energy = deployment.active.map(|billions| tokens * gpu_energy_per_token(billions));
    let server_energy =
        seconds.zip(gpus, |seconds, gpus| seconds / 3600.0 * SERVER.1 * (gpus / SERVER.0) / BATCH);
    let it_energy = server_energy.zip(gpus.zip(gpu_energy, |gpus, energy| gpus * energy), |a, b| a + b);
    let energy = site.pue.zip(it_energy, |pue, energy| pue * energy);
    let water = site.wue.zip(site.pue, |wue, pue| wue + pue * mix.wue);
    let [gwp, adpe, pe] = embodied(seconds, gpus);
    Footprint {
        energy,
        wcf: it_energy.zip(water, |energy, litres| energy * litres),
        usage: Phase {
            gwp: energy.map(|kwh| kwh * mix.gwp),
            adpe: mix.adpe.map(|factor| energy.map(|kwh| kwh * factor)),
            pe: mix.pe.map(|factor| energy.map(|kwh| kwh * factor)),
        },
        embodied: Phase { gwp, adpe: Some(adpe), pe: Some(pe) },
    }
}

/// kWh that one GPU spends on one token.
fn gpu_energy_per_token(active: f64) -> f64 {
    let (slope, exponent, offset) = GPU_ENERGY;
    (slope * (exponent * BATCH).exp() * active + offset) / 1000.0
}

/// Seconds the request keeps its share of the hardware.
fn generation_time(deployment: &Deployment, generation: &Generation, active: f64) -> f64 {
    let (slope, batch_slope, offset) = TOKEN_LATENCY;
    let modelled = || slope * active + batch_slope * BATCH + offset;
    let per_token = deployment.tokens_per_second.map_or_else(modelled, f64::recip);
    let seconds = generation.tokens as f64 * per_token + deployment.first_token.unwrap_or(0.0);
    generation.latency.map_or(seconds, |latency| seconds.min(latency.as_secs_f64()))
}

/// GPUs that hold the model: the next power of two.
fn gpu_count(total: f64, weight_bits: f64) -> f64 {
    let gigabytes = GPU_MEMORY.1 * total * weight_bits / 8.0;
    (gigabytes / GPU_MEMORY.0).ceil().max(1.0).log2().ceil().exp2()
}

/// kgCO2e, kgSbe and MJ of making the hardware, by the request's share of its life.
fn embodied(seconds: Range, gpus: Range) -> [Range; 3] {
    let share = |server: f64, gpu: f64| {
        seconds
            .zip(gpus, |seconds, gpus| seconds * (gpus / SERVER.0 * server + gpus * gpu) / (LIFESPAN * BATCH))
    };
    let ([s0, s1, s2], [g0, g1, g2]) = (EMBODIED_SERVER, EMBODIED_GPU);
    [share(s0, g0), share(s1, g1), share(s2, g2)]
}
