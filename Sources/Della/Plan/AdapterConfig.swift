import StreamIO
import SystemPackage

/// What an adapter's `adapter_config.json` says that its tensors do not: how much of it counts.
///
/// Source: peft's `LoraConfig`.
struct AdapterConfig: Sendable {
    static let fileName = "adapter_config.json"
    /// Bytes of the file, at most, and values in it.
    private static let byteLimit = 4 << 20, valueLimit = 100_000

    /// Values of `init_lora_weights`, and beginnings of them, that take the adapter's first values out of the base.
    private static let changingStarts = ["pissa", "olora", "corda", "loftq", "lora_ga"]

    /// Divides `alpha`, where a module's own rank does not: of `alpha_pattern` no more than the tensors say.
    private let alpha: Double
    private let alphaPattern: ModulePattern
    private let usesRootOfRank: Bool
    /// Whether layers keep their inputs first, as GPT-2's do.
    let hasInputsFirst: Bool

    /// Reads an adapter's config.
    init(folder: FilePath, in folders: ReadableFolders) throws(AdapterProblem) {
        let path = folder.appending(Self.fileName)
        let json: JSON
        do {
            json = try JSON(
                parsing: try folders.readWhole(path, limit: Self.byteLimit), allowsNonfinite: true,
                isLenient: true, valueLimit: Self.valueLimit)
        } catch let error as IOError {
            throw AdapterProblem(
                "\(path): \(error.operation): \(error.errno)", "name a folder with \(Self.fileName)",
                isMissing: true)
        } catch let error as JSONError {
            throw AdapterProblem("\(path): \(error)", error.remedy ?? "download it again")
        } catch {
            throw AdapterProblem("\(path): \(error)", "download it again")
        }
        guard json.objectValue != nil else {
            throw AdapterProblem("\(path): not a JSON object", "download it again")
        }
        let type = json["peft_type"]?.stringValue ?? "LORA"
        guard type == "LORA" else {
            throw AdapterProblem(
                "\(path): peft_type is \(type.excerpt), and only LORA is applied", Self.mergeRemedy)
        }
        for key in [
            "alora_invocation_tokens", "layer_replication", "lora_bias", "target_parameters",
            "trainable_token_indices",
            "use_qalora",
        ] {
            guard let value = json[key], !value.isNull, value.boolValue != false, value.arrayValue != []
            else {
                continue
            }
            throw AdapterProblem("\(path): \(key) is not applied", Self.mergeRemedy)
        }
        if let start = json["init_lora_weights"]?.stringValue,
            Self.changingStarts.contains(where: { start.hasPrefix($0) })
        {
            throw AdapterProblem(
                "\(path): init_lora_weights is \(start.excerpt), which changed the base before the adapter was trained",
                Self.mergeRemedy)
        }
        guard let rank = json["r"]?.doubleValue ?? json["rank"]?.doubleValue, rank > 0, rank.isFinite else {
            throw AdapterProblem("\(path): r is no rank", "download it again")
        }
        guard let alpha = json["lora_alpha"]?.doubleValue ?? Optional(rank), alpha.isFinite else {
            throw AdapterProblem("\(path): lora_alpha is no number", "download it again")
        }
        self.alpha = alpha
        usesRootOfRank = json["use_rslora"]?.boolValue ?? false
        hasInputsFirst = json["fan_in_fan_out"]?.boolValue ?? false
        alphaPattern = try ModulePattern(json["alpha_pattern"], in: path, key: "alpha_pattern")
    }

    /// What the product of a module's matrices is multiplied with.
    func scale(of module: String, rank: Int) -> Float {
        let alpha = alphaPattern.value(of: module) ?? alpha
        return Float(usesRootOfRank ? alpha / Double(rank).squareRoot() : alpha / Double(rank))
    }

    /// What to do with an adapter that is not applied here.
    static let mergeRemedy = "merge it into its base with peft's merge_and_unload, and name the result"
}

/// Why an adapter cannot be applied.
struct AdapterProblem: Error {
    var message: String
    var remedy: String
    /// Whether a file is not there.
    var isMissing: Bool

    init(_ message: String, _ remedy: String, isMissing: Bool = false) {
        self.message = message
        self.remedy = remedy
        self.isMissing = isMissing
    }
}
