import StreamIO
import Testing

@testable import Della

/// That nothing a config names is ignored without a word, wherever it stands.
@Suite struct NothingIgnoredTests {
    /// Every form of the language, as JSON, which is YAML.
    static let configs = [
        """
        {"base_model": {"model": {"path": "Org/Base", "revision": "abc1234"}, "lora": null},
         "merge_method": "della", "dtype": "bfloat16", "out_dtype": "float16", "chat_template": "auto",
         "models": [
           {"model": "Org/One", "parameters": {
              "weight": [0, 0.5, 1], "density": [{"filter": "mlp", "value": [0.4, 0.6]}, {"value": 0.5}],
              "epsilon": {"filter": "mlp", "value": 0.1}, "lambda": 0.9}},
           {"model": {"path": "Org/a+b@c", "revision": null}},
           {"model": {"model": "Org/Two@abc1234", "override_architecture": null}}],
         "parameters": {"weight": 1, "normalize": [true, false], "rescale": {"value": true}, "int8_mask": true},
         "tokenizer": {"source": "base", "pad_to_multiple_of": 8, "tokens": {
            "a": {"source": "Org/One", "force": true}, "b": {"source": {"kind": "zero"}},
            "c": {"source": {"kind": "model_token", "model": {"path": "Org/One"}, "token": "a"}},
            "d": {"source": {"kind": "model_token", "model": "Org/One", "token_id": 1}}, "e": {"force": false}}},
         "dellad": {"seed": 1, "shard_size": "2GB", "memory": "1G", "retry": 3, "mergekit_compat": false,
                    "allow_crimes": false}}
        """,
        """
        {"base_model": "Org/Base", "merge_method": "della_linear", "tokenizer_source": "base",
         "slices": [
           {"sources": [
              {"model": "Org/Base", "layer_range": [0, 4]},
              {"model": {"path": "Org/One"}, "layer_range": [0, 4], "parameters": {"weight": {"value": 0.5}}}]},
           {"base_model": {"model": {"path": "Org/Two"}},
            "sources": [{"model": "Org/Two", "layer_range": [2, 6]}],
            "parameters": {"weight": [0.2, 0.4], "lambda": [{"filter": "mlp", "value": 1}]}}]}
        """,
        """
        {"base_model": "Org/Base", "merge_method": "della", "modules": {"text": {
            "models": [{"model": "Org/One"}], "parameters": {"weight": [{"value": [0.5, 1]}]}}}}
        """,
        """
        {"base_model": "Org/Base", "merge_method": "della", "modules": {"text": {
            "slices": [{"sources": [{"model": "Org/Base", "layer_range": [0, 4]},
                                    {"model": "Org/One", "layer_range": [0, 4]}],
                        "parameters": {"density": 0.5}}], "parameters": {"weight": 0.5}}}}
        """,
    ]

    /// Every value of a tree replaced by what `edit` makes of it, one at a time; where it gives `nil`, not.
    private static func variants(of json: JSON, _ edit: (JSON) -> JSON?) -> [JSON] {
        var found = edit(json).map { [$0] } ?? []
        switch json {
        case .object(let object):
            for member in object.members {
                for variant in variants(of: member.value, edit) {
                    var copy = object
                    copy[member.key] = variant
                    found.append(.object(copy))
                }
            }
        case .array(let elements):
            for (index, element) in elements.enumerated() {
                for variant in variants(of: element, edit) {
                    var copy = elements
                    copy[index] = variant
                    found.append(.array(copy))
                }
            }
        default: break
        }
        return found
    }

    private static func list(_ json: JSON) -> ProblemList {
        ConfigParser.parse(Array(json.serialized().utf8)).list
    }

    @Test(arguments: configs) func everyFormIsReadWithoutAProblem(config: String) throws {
        #expect(Self.list(try JSON(parsing: Array(config.utf8))).problems == [])
    }

    @Test(arguments: configs) func anUnknownKeyIsAProblemAtEveryLevel(config: String) throws {
        let json = try JSON(parsing: Array(config.utf8))
        let variants = Self.variants(of: json) { value in
            guard var object = value.objectValue else { return nil }
            object["zzz_unknown"] = .int(1)
            return .object(object)
        }
        #expect(variants.count >= 4)
        for variant in variants {
            let list = Self.list(variant)
            let named = list.problems.contains { $0.message.contains("zzz_unknown") }
            #expect(named, "\(variant.serialized())")
        }
    }

    @Test(arguments: configs) func aMappingInPlaceOfAValueIsNeverPassedOver(config: String) throws {
        let json = try JSON(parsing: Array(config.utf8))
        let nonsense = JSON.object(JSONObject([("zzz_unknown", .int(1))]))
        for variant in Self.variants(of: json, { $0.objectValue == nil ? nonsense : nil }) {
            let list = Self.list(variant)
            #expect(!(list.problems.isEmpty && list.warnings.isEmpty), "\(variant.serialized())")
        }
    }

    @Test(arguments: configs) func aTextInPlaceOfAMappingOrListIsNeverPassedOver(config: String) throws {
        let json = try JSON(parsing: Array(config.utf8))
        let variants = Self.variants(of: json) {
            $0.objectValue == nil && $0.arrayValue == nil ? nil : .string("zzz@un@known+more+than one")
        }
        for variant in variants { #expect(!Self.list(variant).problems.isEmpty, "\(variant.serialized())") }
    }
}
