//! Which partition a key belongs to: the default partitioner of Kafka's Java client, which
//! librdkafka calls `murmur2_random`. Both buses use it, so that a deployment can move from one
//! to the other, and tools written in any language find a key where they expect it.

/// The partition of `key` among `partitions`, from 0. A topic has at least one partition; for a
/// number below that the answer is 0.
pub fn partition_for(key: &[u8], partitions: i32) -> i32 {
    let Ok(count) = u32::try_from(partitions) else {
        return 0;
    };
    if count == 0 {
        return 0;
    }
    let index = (murmur2(key) & 0x7fff_ffff) % count;
    // `index` is below `count`, which came from an i32.
    index as i32
}

/// MurmurHash2, 32 bit, with the seed of Kafka's `org.apache.kafka.common.utils.Utils.murmur2`.
pub fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;

    // Kafka takes the length as a 32-bit integer.
    let mut hash = SEED ^ (data.len() as u32);
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        k = k.wrapping_mul(M);
        k ^= k >> 24;
        k = k.wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let tail = words.remainder();
    for (index, byte) in tail.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * index);
    }
    if !tail.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hashes_are_those_of_the_java_client() {
        // From Kafka's UtilsTest.testMurmur2 and librdkafka's unittest_murmur2.
        let vectors: [(&str, u32); 17] = [
            ("21", -973_932_308_i32 as u32),
            ("foobar", -790_332_482_i32 as u32),
            ("a-little-bit-long-string", -985_981_536_i32 as u32),
            ("a-little-bit-longer-string", -1_486_304_829_i32 as u32),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971_i32 as u32,
            ),
            ("abc", 479_470_107),
            ("kafka", 0xd067_cf64),
            ("giberish123456789", 0x8f55_2b0c),
            ("1234", 0x9fc9_7b14),
            ("234", 0xe7c0_09ca),
            ("34", 0x8739_30da),
            ("4", 0x5a4b_5ca1),
            ("PreAmbleWillBeRemoved,ThePrePartThatIs", 0x7842_4f1c),
            ("reAmbleWillBeRemoved,ThePrePartThatIs", 0x4a62_b377),
            ("eAmbleWillBeRemoved,ThePrePartThatIs", 0xe0e4_e09e),
            ("AmbleWillBeRemoved,ThePrePartThatIs", 0x62b8_b43f),
            ("", 0x106e_08d9),
        ];
        for (key, expected) in vectors {
            assert_eq!(murmur2(key.as_bytes()), expected, "{key:?}");
        }
    }

    #[test]
    fn the_sign_bit_is_dropped_before_the_remainder() {
        assert_eq!(
            partition_for(b"kafka", 12),
            ((0xd067_cf64_u32 & 0x7fff_ffff) % 12) as i32
        );
        assert_eq!(partition_for(b"abc", 12), 479_470_107 % 12);
    }

    #[test]
    fn a_topic_without_partitions_has_no_remainder() {
        assert_eq!(partition_for(b"abc", 0), 0);
        assert_eq!(partition_for(b"abc", -1), 0);
    }

    proptest! {
        #[test]
        fn every_key_lies_in_a_partition(key in ".*", partitions in 1..1000_i32) {
            let partition = partition_for(key.as_bytes(), partitions);
            prop_assert!((0..partitions).contains(&partition));
        }
    }
}
