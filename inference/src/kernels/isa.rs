//! The instruction set found on this machine, and how a kernel is run with it.

use pulp::Simd;
#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};

/// Vector instructions that the kernels may use.
#[derive(Clone, Copy)]
pub(crate) enum Isa {
    /// AVX-512 F, BW, VL, DQ, CD.
    #[cfg(target_arch = "x86_64")]
    V4(V4),
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    V3(V3),
    /// Whatever the compiler's target has.
    Portable,
}

/// A computation with one body for each instruction set; bodies must be `#[inline(always)]`.
pub(crate) trait Kernel {
    type Output;
    #[cfg(target_arch = "x86_64")]
    fn v4(self, simd: V4) -> Self::Output;
    #[cfg(target_arch = "x86_64")]
    fn v3(self, simd: V3) -> Self::Output;
    fn portable(self) -> Self::Output;
}

/// A computation with one body, written with vectors of whatever width `S` has.
/// The body must be `#[inline(always)]`.
pub(crate) trait Plain {
    fn compute<S: Simd>(self, simd: S);
}

impl<P: Plain> Kernel for P {
    type Output = ();

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn v4(self, simd: V4) {
        self.compute(simd);
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn v3(self, simd: V3) {
        self.compute(simd);
    }

    #[cfg(target_arch = "x86_64")]
    fn portable(self) {
        self.compute(pulp::Scalar);
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn portable(self) {
        pulp::Arch::new().dispatch(Dispatched(self));
    }
}

impl Isa {
    /// Looks at the processor.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(simd) = V4::try_new() {
                return Self::V4(simd);
            }
            if let Some(simd) = V3::try_new() {
                return Self::V3(simd);
            }
        }
        Self::Portable
    }

    /// Every instruction set that this machine can run, for tests that compare them.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(V3::try_new().map(Self::V3));
            all.extend(V4::try_new().map(Self::V4));
        }
        all
    }

    /// Its name, for logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::V4(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::V3(_) => "avx2",
            Self::Portable => "portable",
        }
    }

    /// Runs `kernel` with this instruction set.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::V4(simd) => simd.vectorize(OnV4 { simd, kernel }),
            #[cfg(target_arch = "x86_64")]
            Self::V3(simd) => simd.vectorize(OnV3 { simd, kernel }),
            Self::Portable => kernel.portable(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
struct OnV4<K> {
    simd: V4,
    kernel: K,
}

#[cfg(target_arch = "x86_64")]
impl<K: Kernel> pulp::NullaryFnOnce for OnV4<K> {
    type Output = K::Output;

    #[inline(always)]
    fn call(self) -> K::Output {
        self.kernel.v4(self.simd)
    }
}

#[cfg(target_arch = "x86_64")]
struct OnV3<K> {
    simd: V3,
    kernel: K,
}

#[cfg(target_arch = "x86_64")]
impl<K: Kernel> pulp::NullaryFnOnce for OnV3<K> {
    type Output = K::Output;

    #[inline(always)]
    fn call(self) -> K::Output {
        self.kernel.v3(self.simd)
    }
}

/// Vectors of other processors, which pulp finds.
#[cfg(not(target_arch = "x86_64"))]
struct Dispatched<P>(P);

#[cfg(not(target_arch = "x86_64"))]
impl<P: Plain> pulp::WithSimd for Dispatched<P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.compute(simd);
    }
}
