//! An allocator that counts how much memory each thread holds.
//!
//! It forwards everything to another allocator, and adds up sizes in a thread-local number: no lock, no
//! atomic, about a nanosecond per call. If one thread allocates memory and another frees it, the number of
//! the first is too high and that of the second too low, but the sum is right.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

thread_local! {
    /// Constant and without a destructor, so the allocator can use it at any time in a thread's life.
    static HELD: Cell<i64> = const { Cell::new(0) };
}

/// Counts what passes through to the inner allocator. To be used as the `#[global_allocator]` of a program.
#[derive(Debug, Default)]
pub struct Counting<A>(pub A);

/// Bytes this thread has allocated, less those it has freed; 0 in a program without [`Counting`].
#[must_use]
pub fn held_by_thread() -> i64 {
    HELD.get()
}

#[inline]
fn count(bytes: i64) {
    HELD.set(HELD.get().wrapping_add(bytes));
}

/// A layout is never larger than `isize::MAX`.
#[inline]
fn size(bytes: usize) -> i64 {
    bytes as i64
}

#[expect(unsafe_code, reason = "an allocator is unsafe by nature")]
// SAFETY: each call is forwarded to the inner allocator with its arguments, and the result is returned
// unchanged; the counting only touches a thread-local number, does not allocate and does not unwind.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds the contract, which is that of the inner allocator.
        let memory = unsafe { self.0.alloc(layout) };
        if !memory.is_null() {
            count(size(layout.size()));
        }
        memory
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        let memory = unsafe { self.0.alloc_zeroed(layout) };
        if !memory.is_null() {
            count(size(layout.size()));
        }
        memory
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-size(layout.size()));
        // SAFETY: as above.
        unsafe { self.0.dealloc(memory, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as above.
        let moved = unsafe { self.0.realloc(memory, layout, new_size) };
        if !moved.is_null() {
            count(size(new_size) - size(layout.size()));
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::{Counting, held_by_thread};

    #[global_allocator]
    static ALLOCATOR: Counting<std::alloc::System> = Counting(std::alloc::System);

    #[test]
    fn a_thread_knows_what_it_holds() {
        let before = held_by_thread();
        let mut bytes = vec![1_u8; 1 << 20];
        assert_eq!(held_by_thread() - before, 1 << 20);
        bytes.reserve_exact(3 << 20);
        assert_eq!(held_by_thread() - before, 4 << 20, "a larger place for the same");
        let zeroes = vec![0_u8; 1 << 20];
        assert_eq!(held_by_thread() - before, 5 << 20);
        drop((bytes, zeroes));
        assert_eq!(held_by_thread(), before);
    }

    #[test]
    fn what_another_thread_frees_is_missing_there() {
        let bytes = vec![1_u8; 1 << 20];
        let there = std::thread::spawn(move || {
            let before = held_by_thread();
            drop(bytes);
            held_by_thread() - before
        });
        assert_eq!(there.join().unwrap(), -(1 << 20));
    }
}
