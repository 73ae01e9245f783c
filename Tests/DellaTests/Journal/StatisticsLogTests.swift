import StreamIO
import SystemPackage
import Testing

@testable import Della
@testable import MergeReference

/// The file that a merge's figures are in until its report is made.
@Suite struct StatisticsLogTests {
    @Test func whatIsAppendedIsReadBackInOrder() throws {
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        let records = (0..<400).map { Self.record($0, &random) }
        let log = try StatisticsLog.create(folder.appending("log"))
        var rest = records[...]
        while !rest.isEmpty {
            let count = Int.random(in: 0...50, using: &random)
            _ = try log.append(rest.prefix(count).flatMap(\.bytes))
            rest = rest.dropFirst(count)
        }
        var found: [StatisticsRecord] = []
        #expect(try log.forEach { found.append($0) })
        #expect(found == records, "seed \(seed)")
    }

    /// Killed after figures were appended and before the journal said so.
    @Test func whatTheJournalDoesNotSpeakOfIsCutOff() throws {
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        let path = folder.appending("log")
        var random = SeededRandom(seed: 7)
        let records = (0..<3).map { Self.record($0, &random) }
        let length = try StatisticsLog.create(path).append(records[0].bytes)
        _ = try #require(try StatisticsLog.open(path, byteCount: length)).append(records[1].bytes)
        let log = try #require(try StatisticsLog.open(path, byteCount: length))
        _ = try log.append(records[2].bytes)
        var found: [StatisticsRecord] = []
        #expect(try log.forEach { found.append($0) })
        #expect(found == [records[0], records[2]])
        #expect(try StatisticsLog.open(path, byteCount: 1 << 20) == nil)
        #expect(try StatisticsLog.open(folder.appending("none"), byteCount: 0) == nil)
    }

    @Test func aDamagedRecordIsNoticed() throws {
        let folder = try TemporaryFolder.create()
        defer { try? FileSystem.removeTree(folder) }
        let seed = TestSeed.drawn()
        var random = SeededRandom(seed: seed)
        for number in 0..<60 {
            let records = (0..<3).map { Self.record($0, &random) }
            var bytes = records.flatMap(\.bytes)
            if number % 3 == 0 {
                bytes.removeLast(Int.random(in: 1...30, using: &random))
            } else {
                bytes[Int.random(in: bytes.indices, using: &random)] ^=
                    1 << UInt8.random(in: 0..<8, using: &random)
            }
            let log = try StatisticsLog.create(folder.appending("log"))
            _ = try log.append(bytes)
            var found: [StatisticsRecord] = []
            #expect(try !log.forEach { found.append($0) }, "seed \(seed)")
            #expect(found == Array(records.prefix(found.count)), "seed \(seed)")
        }
    }

    private static func record(_ index: Int, _ random: inout SeededRandom) -> StatisticsRecord {
        func number() -> UInt64 { UInt64.random(in: 0..<1 << 62, using: &random) }
        var figures = TensorStatistics()
        figures.elements = number()
        figures.referenceSquares = Double(number())
        figures.changeSquares = Double(number())
        figures.changed = number()
        figures.outputPeak = Float(number())
        figures.outputNaNs = number()
        figures.outputInfinities = number()
        figures.conflicts = Bool.random(using: &random) ? number() : nil
        figures.inputs = (0..<Int.random(in: 0...6, using: &random)).map { model in
            var input = TensorStatistics.Input(model: model)
            input.squares = Double(number())
            input.magnitudes = Double(number())
            input.equal = number()
            input.kept = Bool.random(using: &random) ? number() : nil
            input.factor = Bool.random(using: &random) ? -Double(number()) : nil
            return input
        }
        let count = figures.inputs.count
        figures.products = (0..<count * max(0, count - 1) / 2).map { _ in -Double(number()) }
        return StatisticsRecord(place: TensorPlace(shard: 0, index: index), statistics: figures)
    }
}
