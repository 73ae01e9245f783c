import StreamIO
import Testing

@testable import Della
@testable import MergeReference

/// Tokenizers that say anything: rows by token, or a named error; never a crash or a hang.
@Suite struct TokenizerFuzzTests {
    private static let ids = [
        "0", "1", "7", "8", "9", "-1", "-0", "1.0", "1e2", "0.5", "1048575", "1048576", "4294967296",
        "9223372036854775807", "9223372036854775808", "18446744073709551615", "1e400", "NaN", "null", "\"3\"",
        "[]",
    ]
    private static let texts = [
        "a", "b", "t0", "t7", "é", "", " ", "\\u0000", "\\ud83d\\ude00", "\\ud800", "\\n", "\\\"",
        "<|im_start|>",
        String(repeating: "x", count: 20_000),
    ]

    @Test func aTokenizerIsReadOrNamed() throws {
        try HostileInputRig("TokenizerFuzzTests").run(blaming: ["tokenizer", "base", "one"]) { rig in
            var what = ""
            for model in ["base", "one"] {
                let isHit = model == "one" || rig.once(in: 3)
                var text = Array(Self.text(rig, isHostile: isHit).utf8)
                if isHit, rig.once(in: 3) { text = rig.damaged(text) }
                try rig.write(text, to: "\(model)/tokenizer.json")
                what += "\(model): \(String(decoding: text.prefix(600), as: UTF8.self)) "
            }
            return (Self.config(rig), what)
        }
    }

    private static func config(_ rig: HostileInputRig) -> String {
        let setting = rig.pick([
            "", "tokenizer_source: union", "tokenizer_source: base", "tokenizer_source: one",
            "tokenizer: {source: union, pad_to_multiple_of: 4}", "tokenizer: {tokens: {a: {source: one}}}",
            "tokenizer: {tokens: {new: {source: {kind: model_token, model: one, token_id: 7}}}}",
        ])
        return """
            merge_method: task_arithmetic
            base_model: base
            models: [{model: one, parameters: {weight: 0.5}}]
            \(setting)
            """
    }

    private static func text(_ rig: HostileInputRig, isHostile: Bool) -> String {
        var own = (0..<HostileInputRig.rows).map { ("t\($0)", "\($0)") }
        var added: [(String, String)] = rig.once(in: 2) ? [("<x>", "7")] : []
        for _ in 0..<(isHostile ? rig.pick([0, 1, 1, 2, 3]) : 0) {
            let at = rig.number(0...own.count - 1)
            switch rig.number(0...6) {
            case 0: own[at].1 = rig.pick(ids)
            case 1: own[at].0 = rig.pick(texts)
            case 2: own.append((rig.pick(texts), rig.pick(ids)))
            case 3: added.append((rig.pick(texts), rig.pick(ids)))
            case 4: own.append(own[at])
            case 5: own += (0..<rig.number(1...2_000)).map { ("more\($0)", "\($0 + 8)") }
            default: own.shuffle(using: &rig.random)
            }
        }
        let entries = added.map { "{\"id\": \($0.1), \"content\": \"\($0.0)\"}" }.joined(separator: ", ")
        let isList = isHostile && rig.once(in: 8)
        let words = own.map { isList ? "[\"\($0.0)\", -1.5]" : "\"\($0.0)\": \($0.1)" }.joined(
            separator: ", ")
        var parts = [
            "\"added_tokens\": [\(entries)]",
            "\"model\": {\"type\": \"BPE\", \"vocab\": \(isList ? "[" : "{")\(words)\(isList ? "]" : "}")}",
        ]
        if isHostile {
            if rig.once(in: 12) { parts.removeLast() }
            if rig.once(in: 20) { parts.append(parts[0]) }
            if rig.once(in: 20) {
                let depth = rig.pick([10, 100, 1_000_000])
                parts.append("\"deep\": " + String(repeating: "{\"a\":", count: depth))
            }
        }
        if rig.once(in: 2) { parts.shuffle(using: &rig.random) }
        return "{" + parts.joined(separator: ", ") + "}"
    }
}
