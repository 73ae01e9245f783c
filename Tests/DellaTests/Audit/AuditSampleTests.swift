import Testing

@testable import Della

/// Which rows an audit looks at.
@Suite struct AuditSampleTests {
    private static let shapes = [
        (rows: 1, length: 1), (1, 100_000_000), (5120, 14336), (100_000, 1), (3, 700), (1310, 5120),
        (7, 2047),
    ]

    @Test(arguments: shapes, [0, 0.001, 0.3, 0.999, 1])
    func rowsAreWithinTheTensorAndAboutAsManyAsAskedFor(shape: (rows: Int, length: Int), share: Double) {
        for seed in 0..<UInt64(10) {
            let sample = AuditSample(
                rowCount: shape.rows, rowLength: shape.length, position: 3, seed: seed)
            let ranges = Array(sample.ranges(drawsOneAlone: false, share: share))
            var end = 0
            for range in ranges {
                guard !range.isEmpty, range.lowerBound >= end, range.upperBound <= shape.rows else {
                    Issue.record("\(range) after \(end), seed \(seed)")
                    break
                }
                end = range.upperBound
            }
            let unit = max(1, AuditSample.leastElements / shape.length)
            let wanted = Double((shape.rows + unit - 1) / unit) * share
            #expect(abs(Double(ranges.count) - wanted) <= 1)
            if share == 1 { #expect(Array(ranges.joined()) == Array(0..<shape.rows)) }
            // One range comes before these in any case.
            let all = Array(sample.ranges(drawsOneAlone: true, share: share))
            #expect(Array(all.dropFirst()) == ranges)
            #expect(all.first?.isEmpty == false && all.first!.upperBound <= shape.rows)
        }
    }

    @Test func theSameSeedGivesTheSameRowsAndAnotherOthers() {
        func rows(_ seed: UInt64, _ position: Int) -> [Range<Int>] {
            let sample = AuditSample(rowCount: 5120, rowLength: 5120, position: position, seed: seed)
            return Array(sample.ranges(drawsOneAlone: true, share: 0.01))
        }
        #expect(rows(1, 1) == rows(1, 1))
        #expect(rows(1, 1) != rows(2, 1))
        #expect(rows(1, 1) != rows(1, 2))
    }

    @Test func everyRowMayBeDrawn() {
        var alone: Set<Int> = []
        var among: Set<Int> = []
        for seed in 0..<UInt64(2000) {
            let sample = AuditSample(rowCount: 50, rowLength: 4096, position: 0, seed: seed)
            for range in sample.ranges(drawsOneAlone: true, share: 0).prefix(1) { alone.formUnion(range) }
            for range in sample.ranges(drawsOneAlone: false, share: 0.1) { among.formUnion(range) }
        }
        #expect(alone.count == 50 && among.count == 50)
    }

    @Test func anEmptyTensorHasNoRows() {
        let sample = AuditSample(rowCount: 0, rowLength: 0, position: 0, seed: 1)
        #expect(Array(sample.ranges(drawsOneAlone: true, share: 1)) == [])
    }

    @Test(arguments: [
        ("auto", AuditPolicy.auto), ("off", .off), ("0.1%", .share(0.001)), ("0.1 %", .share(0.001)),
        ("100%", .share(1)), ("1", .share(1)), ("0.25", .share(0.25)), (".5", .share(0.5)),
        ("1e-3", .share(0.001)),
        ("5", nil), ("0", nil), ("0%", nil), ("101%", nil), ("-1%", nil), ("nan", nil), ("inf%", nil),
        ("", nil),
        ("%", nil), ("0x1p-3", nil), ("on", nil), ("1 percent", nil), ("0.1  %", nil),
    ])
    func policiesAreRead(text: String, policy: AuditPolicy?) {
        #expect(AuditPolicy(text) == policy)
        if let policy { #expect(AuditPolicy("\(policy)") == policy) }
    }
}
