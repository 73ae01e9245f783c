import StreamIO
import Testing

@testable import Della

@Suite struct SlotSupplyTests {
    @Test func givesSlotsAsFarAsTheyAreAskedForAndNeverMoreThanThereAre() throws {
        let arena = try Arena(byteCount: 40 << 16)
        var supply = SlotSupply(
            arena.baseAddress, slotBytes: 1 << 16, count: 40, inputs: 2, isQuick: false, notify: {})
        defer { supply.close() }
        #expect(supply.given == 4)
        let isAnythingNew = supply.update()
        #expect(!isAnythingNew)
        for (asked, expected) in [(9, 9), (3, 9), (1000, 40)] {
            supply.demand(asked)
            let deadline = ContinuousClock.now + .seconds(300)
            while supply.given < expected {
                try #require(ContinuousClock.now < deadline)
                _ = supply.update()
            }
            #expect(supply.given == expected && !supply.isQuick)
        }
        #expect(arena.byteCount == 40 << 16)
    }

    @Test func aMergeOfFewSlotsHasThemAllAtOnce() throws {
        let arena = try Arena(byteCount: 3 << 16)
        let supply = SlotSupply(arena.baseAddress, slotBytes: 1 << 16, count: 3, inputs: 3, notify: {})
        #expect(supply.given == 3)
        supply.close()
        #expect(arena.byteCount == 3 << 16)
    }
}
