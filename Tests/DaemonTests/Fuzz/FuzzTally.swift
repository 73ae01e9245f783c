@testable import MergeReference

/// What a run of the fuzzer tried.
struct FuzzTally: CustomStringConvertible {
    private(set) var cases = 0
    private(set) var interrupted = 0
    private(set) var faults = 0
    private(set) var methods: [String: Int] = [:]
    private(set) var sliced = 0
    private(set) var parted = 0
    var failures = 0

    mutating func count(_ made: FuzzCase) {
        cases += 1
        if made.runs.count > 1 { interrupted += 1 }
        if made.fault != nil { faults += 1 }
        if made.parts > 0 { parted += 1 }
        if case .slices = made.recipe.layout { sliced += 1 }
        methods[made.recipe.method, default: 0] += 1
    }

    var description: String {
        let names = methods.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        return
            "\(cases) cases (\(names); \(sliced) with slices, \(parted) in parts, \(interrupted) interrupted, \(faults) faulty), "
            + "\(failures) failed"
    }
}
