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

    /// What `lora_alpha` and `r` are where they are left out.
    private static let usualAlpha = 8.0, usualRank = 8.0

    private let alpha: Double
    private let alphaPattern: ModulePattern
    private let usesRootOfRank: Bool
    /// Whether layers keep their inputs first, as GPT-2's do. What peft writes is true of the last layer that it adapted.
    let hasInputsFirst: Bool
    /// Whether rows have lengths of their own, DoRA's.
    let usesMagnitudes: Bool
    private let rank: Double
    private let rankPattern: ModulePattern

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
        try Self.refuseOthers(json, path)
        if json["r"] == nil, Self.hasFileOfMLX(folder, in: folders) { throw Self.isOfMLX(path) }
        let rank = json["r"].map(\.doubleValue) ?? Self.usualRank
        guard let rank, rank > 0, rank.isFinite else {
            throw AdapterProblem("\(path): r is no rank", "download it again")
        }
        let alpha = json["lora_alpha"].map(\.doubleValue) ?? Self.usualAlpha
        guard let alpha, alpha.isFinite else {
            throw AdapterProblem("\(path): lora_alpha is no number", "download it again")
        }
        self.alpha = alpha
        self.rank = rank
        rankPattern = try ModulePattern(json["rank_pattern"], in: path, key: "rank_pattern")
        usesRootOfRank = try Self.flag("use_rslora", in: json, path)
        hasInputsFirst = try Self.flag("fan_in_fan_out", in: json, path)
        usesMagnitudes = try Self.flag("use_dora", in: json, path)
        alphaPattern = try ModulePattern(json["alpha_pattern"], in: path, key: "alpha_pattern")
    }

    /// Refuses by name what is not applied.
    private static func refuseOthers(_ json: JSON, _ path: FilePath) throws(AdapterProblem) {
        let type = json["peft_type"]?.stringValue ?? "LORA"
        guard type == "LORA" else {
            throw AdapterProblem(
                "\(path): peft_type is \(type.excerpt), and only LORA is applied", mergeRemedy)
        }
        for key in [
            "alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication", "lora_bias",
            "monteclora_config", "target_parameters", "trainable_token_indices", "use_bdlora", "use_qalora",
            "velora_config",
        ] {
            guard let value = json[key], !value.isNull, value.boolValue != false, value.arrayValue != []
            else {
                continue
            }
            throw AdapterProblem("\(path): \(key) is not applied", mergeRemedy)
        }
        if let start = json["init_lora_weights"]?.stringValue,
            changingStarts.contains(where: { start.lowercased().hasPrefix($0) })
        {
            throw AdapterProblem(
                "\(path): init_lora_weights is \(start.excerpt), which changed the base before the adapter was trained",
                mergeRemedy)
        }
        if json["lora_parameters"] != nil { throw isOfMLX(path) }
    }

    private static func isOfMLX(_ path: FilePath) -> AdapterProblem {
        AdapterProblem(
            "\(path): is laid out as mlx saves adapters (lora_parameters, adapters.safetensors), and peft's layout is read",
            "merge it into its base with mlx_lm.fuse, and name the result")
    }

    private static func flag(_ key: String, in json: JSON, _ path: FilePath) throws(AdapterProblem) -> Bool {
        guard let value = json[key], !value.isNull else { return false }
        guard let flag = value.boolValue else {
            throw AdapterProblem("\(path): \(key) is neither true nor false", "download it again")
        }
        return flag
    }

    private static func hasFileOfMLX(_ folder: FilePath, in folders: ReadableFolders) -> Bool {
        ((try? folders.status(folder.appending("adapters.safetensors"))) ?? nil) != nil
    }

    /// What is wrong with a rank that a module's tensors have, as a message goes on; `nil` where it is the config's.
    /// peft loads no other, and `lora_alpha` was meant for one of the two.
    func misfit(ofRank own: Int, of module: String) -> String? {
        let pattern = rankPattern.value(of: module)
        let rank = pattern ?? rank
        guard Double(own) != rank else { return nil }
        let scales = [Double(own), rank].map { ParameterRule.decimal(Double(scale(of: module, rank: $0))) }
        let key = pattern == nil ? "r" : "rank_pattern"
        return
            "has rank \(own), and \(key) of \(Self.fileName) is \(ParameterRule.decimal(rank)): its scale is "
            + "\(scales[0]) by the one and \(scales[1]) by the other"
    }

    /// What the product of a module's matrices is multiplied with.
    func scale(of module: String, rank: Double) -> Float {
        let alpha = alphaPattern.value(of: module) ?? alpha
        return Float(usesRootOfRank ? alpha / rank.squareRoot() : alpha / rank)
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
