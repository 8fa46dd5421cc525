//! `math.star`: functions on floats.

use starlark::environment::GlobalsBuilder;
use starlark::starlark_module;
use starlark::values::float::UnpackFloat as Number;

use super::failed;

/// A float as a whole number.
fn whole(number: f64) -> starlark::Result<i64> {
    // Both ends are exact; 2^63 itself is too large by one.
    if number >= i64::MIN as f64 && number < -(i64::MIN as f64) {
        Ok(number as i64)
    } else {
        Err(failed(format!("{number} is not a number that fits 64 bits")))
    }
}

#[starlark_module]
pub(super) fn functions(builder: &mut GlobalsBuilder) {
    fn ceil(#[starlark(require = pos)] x: Number) -> starlark::Result<i64> {
        whole(x.0.ceil())
    }

    fn floor(#[starlark(require = pos)] x: Number) -> starlark::Result<i64> {
        whole(x.0.floor())
    }

    fn round(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.round())
    }

    fn fabs(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.abs())
    }

    fn r#mod(
        #[starlark(require = pos)] x: Number,
        #[starlark(require = pos)] y: Number,
    ) -> starlark::Result<f64> {
        Ok(x.0 % y.0)
    }

    fn remainder(
        #[starlark(require = pos)] x: Number,
        #[starlark(require = pos)] y: Number,
    ) -> starlark::Result<f64> {
        Ok(x.0 - y.0 * (x.0 / y.0).round_ties_even())
    }

    fn pow(
        #[starlark(require = pos)] x: Number,
        #[starlark(require = pos)] y: Number,
    ) -> starlark::Result<f64> {
        Ok(x.0.powf(y.0))
    }

    fn copysign(
        #[starlark(require = pos)] x: Number,
        #[starlark(require = pos)] y: Number,
    ) -> starlark::Result<f64> {
        Ok(x.0.copysign(y.0))
    }

    fn hypot(
        #[starlark(require = pos)] x: Number,
        #[starlark(require = pos)] y: Number,
    ) -> starlark::Result<f64> {
        Ok(x.0.hypot(y.0))
    }

    fn exp(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.exp())
    }

    fn sqrt(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.sqrt())
    }

    fn log(
        #[starlark(require = pos)] x: Number,
        #[starlark(require = pos)] base: Option<Number>,
    ) -> starlark::Result<f64> {
        Ok(match base {
            None => x.0.ln(),
            Some(Number(2.0)) => x.0.log2(),
            Some(Number(10.0)) => x.0.log10(),
            Some(base) => x.0.log(base.0),
        })
    }

    fn degrees(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.to_degrees())
    }

    fn radians(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.to_radians())
    }

    fn sin(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.sin())
    }

    fn cos(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.cos())
    }

    fn tan(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.tan())
    }

    fn asin(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.asin())
    }

    fn acos(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.acos())
    }

    fn atan(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.atan())
    }

    fn atan2(
        #[starlark(require = pos)] y: Number,
        #[starlark(require = pos)] x: Number,
    ) -> starlark::Result<f64> {
        Ok(y.0.atan2(x.0))
    }

    fn sinh(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.sinh())
    }

    fn cosh(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.cosh())
    }

    fn tanh(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.tanh())
    }

    fn asinh(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.asinh())
    }

    fn acosh(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.acosh())
    }

    fn atanh(#[starlark(require = pos)] x: Number) -> starlark::Result<f64> {
        Ok(x.0.atanh())
    }
}
