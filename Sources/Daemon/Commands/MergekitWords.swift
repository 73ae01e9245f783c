/// The words of `mergekit-yaml`'s command line as `dellad merge` takes them: what has a meaning here is done, what is not
/// needed is left out and said why.
///
/// `dellad merge` takes them beside its own options; a link to the program that is called `mergekit-yaml` takes nothing
/// else than `dellad merge` would.
struct MergekitWords {
    /// The name of a link to the program.
    static let programName = "mergekit-yaml"

    /// For `merge`, its own options among them.
    private(set) var words: [String] = []
    /// A line for each reason that something was left out.
    private(set) var remarks: [String] = []
    private var isQuiet = false
    private var leftOut: [(reason: String, options: [String])] = []

    /// What becomes of an option.
    private enum Treatment {
        /// It has another name here, and a value.
        case renamed(String)
        /// It is what happens anyway.
        case done
        /// It is not needed, or cannot be had.
        case leftOut(String)
        /// Nothing is said of what is left out.
        case quiet
    }

    private static let processor = "merges are computed on processors, at the disk's speed"
    private static let adapters =
        "adapters are applied while tensors are read, in float32, and nothing is kept of them"
    private static let writing = "output is always written while the next rows are computed"

    /// Options without a value; a `no-` in front is the opposite.
    private static let flags: [String: (given: Treatment, not: Treatment)] = [
        "unsafe-truncate-embeddings": (
            .leftOut("where vocabularies differ, tokenizer_source in the config says what becomes of them"),
            .done
        ),
        "trust-remote-code": (.leftOut("no code of a model is run"), .done),
        "quiet": (.quiet, .done), "verbose": (.leftOut("there is nothing more to tell"), .done),
        "cuda": (.leftOut(processor), .done), "low-cpu-memory": (.leftOut(processor), .done),
        "read-to-gpu": (.leftOut(processor), .done), "multi-gpu": (.leftOut(processor), .done),
        "gpu-rich": (.leftOut(processor), .done),
        "lazy-unpickle": (.done, .leftOut("tensors of .bin files are read as they are needed")),
        "async-write": (.done, .leftOut(writing)),
        "copy-tokenizer": (.done, .leftOut("the tokenizer is part of the output")),
        "clone-tensors": (.done, .done),
        "write-model-card": (.done, .leftOut("the card is part of the output: remove README.md")),
        "safe-serialization": (.done, .leftOut("the output is safetensors")),
        // The opposite is no option of merge's, and what happens anyway.
        "allow-crimes": (.renamed("--allow-crimes"), .done),
    ]
    /// Options with a value.
    private static let options: [String: Treatment] = [
        "transformers-cache": .renamed("--models"), "random-seed": .renamed("--seed"),
        "num-threads": .renamed("--threads"), "out-shard-size": .renamed("--shard-size"),
        "device": .leftOut(processor), "lora-merge-cache": .leftOut(adapters),
        "lora-merge-dtype": .leftOut(adapters), "write-threads": .leftOut(writing),
    ]

    /// Reads the words behind the program's name, or behind `merge`.
    init(_ given: [String]) {
        var rest = given[...]
        while let word = rest.popFirst() {
            if word == "--" {
                words += [word] + rest
                break
            }
            if takeShort(word, &rest) { continue }
            guard word.hasPrefix("--") else {
                words.append(word)
                continue
            }
            let parts = word.dropFirst(2).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts.first ?? "")
            if parts.count == 1, let treatment = Self.flag(name) {
                take(word, treatment, value: nil)
            } else if let treatment = Self.options[name] {
                // Without its value it is left to merge, which says so.
                guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
                    words.append(word)
                    continue
                }
                take("--" + name, treatment, value: value)
            } else {
                words.append(word)
            }
        }
        guard !isQuiet else { return }
        remarks = leftOut.map { "\($0.options.joined(separator: ", ")): left out: \($0.reason)" }
    }

    private static func flag(_ name: String) -> Treatment? {
        if let flag = flags[name] { return flag.given }
        return name.hasPrefix("no-") ? flags[String(name.dropFirst(3))]?.not : nil
    }

    /// Takes `-v`, `-vv`, `-j N` and `-jN`.
    private mutating func takeShort(_ word: String, _ rest: inout ArraySlice<String>) -> Bool {
        if word.hasPrefix("-v"), word.dropFirst().allSatisfy({ $0 == "v" }) {
            take(word, Self.flag("verbose") ?? .done, value: nil)
            return true
        }
        guard word.hasPrefix("-j") else { return false }
        let attached = word.dropFirst(2)
        guard let value = attached.isEmpty ? rest.popFirst() : String(attached) else {
            words.append("--threads")
            return true
        }
        take("-j", .renamed("--threads"), value: value)
        return true
    }

    private mutating func take(_ option: String, _ treatment: Treatment, value: String?) {
        switch treatment {
        case .done: break
        case .quiet: isQuiet = true
        case .renamed(let own): words += [own] + (value.map { [$0] } ?? [])
        case .leftOut(let reason):
            if let place = leftOut.firstIndex(where: { $0.reason == reason }) {
                leftOut[place].options.append(option)
            } else {
                leftOut.append((reason, [option]))
            }
        }
    }
}
