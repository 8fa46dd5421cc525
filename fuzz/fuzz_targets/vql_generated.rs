//! Generated queries: nothing panics, budgets hold, and the engine's two ways to evaluate (row by row in scopes, and bound
//! to columns) agree. Results of sorting through files are not compared, because keys of mixed types have no total order.
#![cfg_attr(fuzzing, no_main)]

use peregrine_engine::Program;
use peregrine_fuzz::generate::{Choices, query};
use peregrine_fuzz::run;

peregrine_fuzz::target!(|input: &[u8]| {
    let text = query(&mut Choices(input));
    let Ok(program) = Program::compile(&text) else {
        return;
    };
    let never = run(&program, &[], |context| context.bind_after(u32::MAX));
    // A program caches what it found at each call site, so compile a fresh one.
    let Ok(program) = Program::compile(&text) else {
        return;
    };
    let at_once = run(&program, &[], |context| context.bind_after(0_u32));
    run(&program, &[], |context| context.sort_memory(256_usize));
    if !never.was_cut && !at_once.was_cut {
        assert_eq!(never.lines, at_once.lines, "{text}");
    }
});
