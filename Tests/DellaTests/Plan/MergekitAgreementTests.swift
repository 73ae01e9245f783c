import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Parameters as mergekit 0.1.5 resolves them, for every tensor of every config.
///
/// `Resources/mergekit/expected` was written by `Tests/Scripts/resolve_with_mergekit.py` from the configs in
/// `rules` and `cards`. The cards are configs of published models, written from their parameters; entries that
/// name a vocabulary union are left out of them, as that is refused here by name.
@Suite struct MergekitAgreementTests {
    static func names(_ folder: String) -> [String] {
        let entries =
            (try? FileSystem.entries(of: TestResources.folder.appending("mergekit").appending(folder))) ?? []
        return entries.map { "\(folder)/\($0)" }
    }

    @Test func thereAreEnoughConfigs() {
        #expect(Self.names("rules").count >= 18)
        #expect(Self.names("cards").count >= 12)
    }

    @Test(arguments: names("rules") + names("cards"))
    func everyTensorsParametersAreMergekits(config: String) throws {
        let text = String(decoding: try TestResources.read("mergekit/\(config)"), as: UTF8.self)
        let models = try TinyModels()
        try models.makeModels(namedIn: text)
        let plan = try models.plan(text)

        let name = config.split(separator: "/")[1].dropLast(4)
        let expected = try JSON(parsing: TestResources.read("mergekit/expected/\(name).json"))
        let rows = try #require(expected["rows"]?.arrayValue)
        let tensors = plan.shards.flatMap(\.tensors)
        #expect(Set(tensors.map(\.name)) == Set(expected["tensors"]?.objectValue?.keys ?? []))
        // The model of each input file, as its name. FilePath is slow where nothing is optimised.
        let root = models.folder.string + "/"
        let owners = plan.inputs.map { $0.path.removingLastComponent().string.dropFirst(root.count) }.map(
            String.init)
        let expectedRows = rows.map(Row.init)
        var mistakes: [String] = []
        for tensor in tensors {
            guard case .merge(let merge) = tensor.source,
                let row = expected["tensors"]?[tensor.name]?.intValue
            else {
                mistakes.append("\(tensor.name) is not merged")
                continue
            }
            let found = Row(merge, owners: owners)
            if found != expectedRows[row] { mistakes.append("\(tensor.name): \(found)") }
        }
        #expect(mistakes == [])
    }

    /// What mergekit and the plan say of one tensor.
    private struct Row: Equatable {
        var lambda: Double
        var normalize: Bool
        var rescale: Bool
        var ordinals: [Int]
        var terms: [[Double]]
        var models: [String]

        init(_ merge: TensorMerge, owners: [String]) {
            let rule = merge.deltas!
            (lambda, normalize, rescale) = (rule.lambda, rule.normalize, rule.rescale)
            ordinals = rule.terms.map(\.ordinal)
            terms = rule.terms.map { [$0.weight, $0.sparsifier.density, $0.epsilon] }
            models = merge.inputs.map { owners[$0.file] }
        }

        init(_ row: JSON) {
            lambda = row["lambda"]?.doubleValue ?? .nan
            normalize = row["normalize"]?.boolValue ?? false
            rescale = row["rescale"]?.boolValue ?? false
            models = row["models"]?.arrayValue?.compactMap(\.stringValue) ?? []
            ordinals = Array(models.indices)
            terms = row["terms"]?.arrayValue?.map { $0.arrayValue?.compactMap(\.doubleValue) ?? [] } ?? []
        }
    }
}
