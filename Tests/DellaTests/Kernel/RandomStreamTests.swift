import Testing

@testable import Della
@testable import MergeReference

@Suite struct RandomStreamTests {
    struct KnownAnswer: Sendable {
        var counter: [UInt32]
        var key: [UInt32]
        var words: [UInt32]
    }

    /// Lines `philox4x32 10` of Random123's kat_vectors.
    static let knownAnswers = [
        KnownAnswer(
            counter: [0, 0, 0, 0], key: [0, 0],
            words: [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]),
        KnownAnswer(
            counter: [.max, .max, .max, .max], key: [.max, .max],
            words: [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]),
        KnownAnswer(
            counter: [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344], key: [0xA409_3822, 0x299F_31D0],
            words: [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]),
    ]

    @Test(arguments: knownAnswers)
    func philoxGivesRandom123sKnownAnswers(_ answer: KnownAnswer) throws {
        let whole = { (halves: ArraySlice<UInt32>) in UInt64(halves.first!) | UInt64(halves.last!) << 32 }
        for level in RowKernels.availableLevels {
            // The vectors' lanes all have to be right, so the block of interest is put in each of nine places.
            for place in 0..<9 {
                var words = [UInt32](repeating: 0, count: 4 * 9)
                try RowKernels.select(level: level).randomBlocks(
                    &words, from: whole(answer.counter[..<2]) &- UInt64(place), blockCount: 9,
                    stream: whole(answer.counter[2...]), seed: whole(answer.key[...]))
                #expect(Array(words[4 * place..<4 * place + 4]) == answer.words, "\(level), place \(place)")
            }
        }
        #expect(ReferencePhilox.block(answer.counter, key: answer.key) == answer.words)
    }

    @Test func blocksOfARunAreTheReferences() throws {
        for level in RowKernels.availableLevels {
            for count in [0, 1, 3, 8, 17] {
                let first: UInt64 = 0xFFFF_FFFA
                var words = [UInt32](repeating: 0, count: 4 * count)
                try RowKernels.select(level: level).randomBlocks(
                    &words, from: first, blockCount: count, stream: 0x0123_4567_89AB_CDEF, seed: 42)
                let expected = (0..<UInt64(count)).flatMap {
                    ReferencePhilox.words(seed: 42, stream: 0x0123_4567_89AB_CDEF, block: first + $0)
                }
                #expect(words == expected)
            }
        }
    }

    @Test func theIdentifierIsFNV1aOfNameZeroAndOrdinal() {
        // By the oracle: fnv1a64(name + b"\0" + decimal ordinal).
        #expect(
            RandomStream.identifier(tensor: "model.embed_tokens.weight", ordinal: 0) == 0xE5C9_431C_2B22_AD96)
        #expect(RandomStream.identifier(tensor: "lm_head.weight", ordinal: 12) == 0x1BEC_8A36_7D68_7AE0)
        #expect(RandomStream.identifier(tensor: "é", ordinal: 1) == 0xF788_2AC6_F179_5DE6)
    }
}
