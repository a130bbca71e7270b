//! What was found for a number of purchases and an age, for the many customers who have both in common.

use super::model::Customer;

/// A power of two, so many that what comes up often stays, so few that all stay in a cache of the processor.
const SLOTS_LOG2: u32 = 12;

/// Remembers the last findings; what it gives is what would be found anew.
pub struct Memory<V> {
    slots: Vec<Option<(u64, u64, V)>>,
}

impl<V: Copy> Memory<V> {
    /// A memory of nothing.
    pub fn new() -> Self {
        Self { slots: vec![None; 1 << SLOTS_LOG2] }
    }

    /// What is found for the purchases and the age of a customer, whatever the recency.
    pub fn of(&mut self, customer: &Customer, find: impl FnOnce(&Customer) -> V) -> V {
        let (frequency, age) = (customer.frequency.to_bits(), customer.age.to_bits());
        let mixed = (frequency ^ age.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let slot = &mut self.slots[(mixed >> (64 - SLOTS_LOG2)) as usize];
        match slot {
            Some((known_frequency, known_age, found)) if (*known_frequency, *known_age) == (frequency, age) => *found,
            _ => {
                let found = find(&customer.bare());
                *slot = Some((frequency, age, found));
                found
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_what_was_found_however_many_slots_are_shared() {
        let mut memory = Memory::new();
        let mut found = 0;
        for _ in 0..2 {
            for place in 0..20_000 {
                let (frequency, age) = (f64::from(place % 10), f64::from(place / 10));
                let customer = Customer { frequency, recency: age / 2.0, age };
                let asked = memory.of(&customer, |bare| {
                    found += 1;
                    bare.frequency + 10.0 * bare.recency
                });
                assert_eq!(asked.to_bits(), f64::from(place % 10 + place / 10 * 10).to_bits());
            }
        }
        assert!(found > 20_000);
        let again = Customer { frequency: 9.0, recency: 1.0, age: 1999.0 };
        assert!(memory.of(&again, |_| 0.0) > 1.0);
    }
}
