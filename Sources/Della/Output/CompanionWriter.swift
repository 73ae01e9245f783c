import StreamIO
import SystemPackage

/// Decides what lies beside the shards of the output: the base's files, edited where the merge changes what they
/// say, the model card, the config and the index.
struct CompanionWriter {
    let config: MergeConfig
    let models: [OpenModel]
    /// Index of the base among the models.
    let base: Int
    let slices: [PlannedSlice]
    let shards: [OutputShard]
    /// Whether the output has a head of its own where the base's is tied.
    let untiesHead: Bool
    let library: ModelLibrary
    private var problems: [Problem] = []
    private var warnings: [(line: Int?, text: String)] = []

    /// Bytes of a text file that is edited or looked through, at most.
    private static let textLimit = 4 << 20
    /// Python files that are copied, at most.
    private static let codeLimit = 64
    /// Bytes of a file that is copied, at most.
    private static let copyLimit: UInt64 = 1 << 30
    /// Tokenizer, chat template, generation and preprocessor files, as transformers names them.
    private static let names: Set<String> = [
        "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "spiece.model",
        "sentencepiece.bpe.model", "tekken.json", "chat_template.jinja", "chat_template.json",
        "generation_config.json", "preprocessor_config.json", "processor_config.json",
        "image_processor_config.json", "video_preprocessor_config.json", "feature_extractor_config.json",
    ]
    private static let suffixes = [".tiktoken", ".spm"]

    init(
        config: MergeConfig, models: [OpenModel], base: Int, slices: [PlannedSlice], shards: [OutputShard],
        untiesHead: Bool, library: ModelLibrary
    ) {
        self.config = config
        self.models = models
        self.base = base
        self.slices = slices
        self.shards = shards
        self.untiesHead = untiesHead
        self.library = library
    }

    private var folder: FilePath { models[base].folder }

    /// The files, by name.
    ///
    /// - Parameter isStopped: asked before each file that is read; what is returned then is not all.
    mutating func companions(
        configText: [UInt8], outputName: String, isStopped: () -> Bool = { false }
    ) -> [CompanionFile] {
        let text = String(decoding: configText, as: UTF8.self)
        var files = copies(isStopped)
        if let config = configFile() { files["config.json"] = .text(config) }
        applyChatTemplate(&files, isStopped)
        if isStopped() { return [] }
        files["README.md"] = .text(card(text, title: outputName))
        files["mergekit_config.yml"] = .text(text)
        if shards.count > 1 { files["model.safetensors.index.json"] = .index }
        return files.map { CompanionFile(name: $0.key, content: $0.value) }.sorted { $0.name < $1.name }
    }

    /// Notes what was found on the way.
    func report(into list: inout ProblemList) {
        problems.forEach { list.add($0) }
        warnings.forEach { list.warn($0.line, $0.text) }
    }

    // MARK: Copies

    private mutating func copies(_ isStopped: () -> Bool) -> [String: CompanionFile.Content] {
        var files: [String: CompanionFile.Content] = [:]
        let folder = folder
        let (models, readable) = (library.readable, library.copyable(of: folder))
        let entries = read(folder) { () throws(IOError) in try models.entries(of: folder) } ?? []
        for name in entries
        where Self.names.contains(name) || Self.suffixes.contains(where: { name.hasSuffix($0) }) {
            add(name, to: &files)
        }
        let templates = folder.appending("additional_chat_templates")
        if entries.contains("additional_chat_templates") {
            let more =
                look(
                    templates, "additional_chat_templates",
                    { () throws(IOError) in try readable.entries(of: templates) }) ?? []
            for name in more where name.hasSuffix(".jinja") {
                add("additional_chat_templates/\(name)", to: &files)
            }
        }
        for name in codeFiles(entries, isStopped) { add(name, to: &files) }
        return files
    }

    private mutating func add(_ name: String, to files: inout [String: CompanionFile.Content]) {
        let path = folder.pushing(FilePath(name))
        let readable = library.copyable(of: folder)
        guard let found = look(path, name, { () throws(IOError) in try readable.status(path) }) else {
            return
        }
        guard let status = found, status.isRegular else {
            warnings.append(
                (models[base].line, "\(name) of the base is no file that can be copied, and left out"))
            return
        }
        // Code and templates may be empty.
        if !name.hasSuffix(".py"), !name.hasSuffix(".jinja"),
            let stub = TokenizerCheck.stub(path, in: readable)
        {
            problems.append(
                Problem(
                    line: models[base].line, "\(models[base].reference.displayName): \(path) \(stub)",
                    remedy: "run git lfs pull in its folder, or download it again", kind: .missingInput))
        }
        guard status.size <= Self.copyLimit else {
            warnings.append(
                (
                    models[base].line,
                    "\(name) of the base is larger than \(ByteCount(Self.copyLimit)), and left out"
                ))
            return
        }
        files[name] = .copy(of: path)
    }

    /// As `read`, of what is to be copied: that it leads out of where files may be copied from is a warning.
    private mutating func look<Value>(
        _ path: FilePath, _ name: String, _ attempt: () throws(IOError) -> Value
    ) -> Value? {
        var isOutside = false
        let value = read(path) { () throws(IOError) -> Value? in
            do throws(IOError) {
                return try attempt()
            } catch {
                guard error.errno == .improperLink else { throw error }
                isOutside = true
                return nil
            }
        }
        if isOutside {
            let problem =
                library.allowsAnyPath ? "leads out of the model's folder" : ModelLibrary.forbidden.problem
            warnings.append((models[base].line, "\(name) of the base \(problem), and is left out"))
        }
        return value ?? nil
    }

    /// The Python files that the `auto_map` of a config names, and those that they import from beside them.
    private mutating func codeFiles(_ entries: [String], _ isStopped: () -> Bool) -> [String] {
        let available = Set(entries.filter { $0.hasSuffix(".py") })
        guard !available.isEmpty else { return [] }
        var waiting: [String] = []
        for name in [
            "config.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json",
        ] {
            guard let map = json(name)?["auto_map"]?.objectValue else { continue }
            for member in map.members {
                let values = member.value.arrayValue ?? [member.value]
                waiting += values.compactMap(\.stringValue).compactMap(Self.module)
            }
        }
        var found: Set<String> = []
        while let name = waiting.popLast(), found.count < Self.codeLimit, !isStopped() {
            guard available.contains(name), found.insert(name).inserted else { continue }
            waiting += imports(name, isStopped).filter { available.contains($0) && !found.contains($0) }
        }
        return found.sorted()
    }

    /// `modeling_x.XModel` → `modeling_x.py`; `nil` for code of another repository.
    private static func module(_ reference: String) -> String? {
        guard !reference.containsText("--"), let name = reference.split(separator: ".").first else {
            return nil
        }
        return name + ".py"
    }

    private mutating func imports(_ name: String, _ isStopped: () -> Bool) -> [String] {
        guard let text = text(name) else { return [] }
        if text.utf8.count > PythonImports.byteLimit {
            warnings.append(
                (
                    models[base].line,
                    "\(name) of the base is larger than \(ByteCount(UInt64(PythonImports.byteLimit))): what "
                        + "it imports further on is not looked for"
                ))
        }
        return PythonImports(text.utf8, isStopped: isStopped).modules.map { $0 + ".py" }
    }

    private mutating func text(_ name: String, in folder: FilePath? = nil) -> String? {
        let folder = folder ?? self.folder
        let path = folder.appending(name)
        let readable = library.copyable(of: folder)
        guard
            let bytes = read(
                path, { () throws(IOError) in try readable.readWhole(path, limit: Self.textLimit) })
        else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    /// What a file or folder says; `nil` where it is not there. That it cannot be read is a problem of the merge:
    /// an output without it would be another.
    private mutating func read<Value>(
        _ path: FilePath, _ attempt: () throws(IOError) -> Value
    ) -> Value? {
        do throws(IOError) {
            return try attempt()
        } catch {
            // What leads out of the folders is told of where it is copied.
            if error.errno != .noSuchFileOrDirectory, error.errno != .improperLink {
                problems.append(
                    Problem(
                        line: models[base].line, "\(error)",
                        remedy: "check the disk and the file's permissions",
                        kind: .missingInput))
            }
            return nil
        }
    }

    private mutating func json(_ name: String, in folder: FilePath? = nil) -> JSON? {
        text(name, in: folder).flatMap {
            try? JSON(parsing: Array($0.utf8), allowsNonfinite: true, valueLimit: ModelProfile.valueLimit)
        }
    }

    // MARK: Written files

    private mutating func configFile() -> String? {
        let model = models[base]
        guard let json = model.profile.json else {
            warnings.append((model.line, "the base has no config.json, and so the output has none"))
            return nil
        }
        var output = OutputConfig(base: json)
        if let format = outputFormat { output.setFormat(format) }
        if untiesHead { output.untieHead() }
        if model.profile.quantization != nil { output.dropQuantization() }
        if case .slices = config.layout, let place = model.profile.layerCountKey {
            let layers = slices.flatMap { slice in slice.baseStart..<(slice.baseStart + slice.length) }
            output.setLayers(layers, place: place)
        }
        return output.text
    }

    /// The config's type, else the one most of the output's bytes have.
    private var outputFormat: FloatFormat? {
        if let format = config.outputFormat ?? config.format { return format }
        var bytes: [FloatFormat: UInt64] = [:]
        for tensors in shards.lazy.map(\.tensors) {
            for place in tensors.indices {
                guard let format = FloatFormat(tensors.type(at: place)) else { continue }
                bytes[format, default: 0] += tensors.byteCount(at: place)
            }
        }
        return bytes.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }?.key
    }

    private func card(_ text: String, title: String) -> String {
        var others: [ModelName] = []
        let base = config.base == nil ? nil : models[self.base].name
        for model in models where model.name != base && !others.contains(model.name) {
            others.append(model.name)
        }
        return ModelCard(
            title: title, method: config.rules, base: base, models: others,
            config: PublicConfig(text, models: models.map { ($0.reference, $0.name) }).text
        ).text
    }

    // MARK: Tokenizer

    private mutating func applyChatTemplate(
        _ files: inout [String: CompanionFile.Content], _ isStopped: () -> Bool
    ) {
        guard let choice = config.chatTemplate else { return }
        guard let template = template(choice.value, isStopped) else {
            warnings.append((choice.line, "chat_template: auto finds no template in any model: none is set"))
            return
        }
        files["chat_template.jinja"] = .text(template)
        files["chat_template.json"] = nil
        if var tokenizer = json("tokenizer_config.json"), tokenizer.objectValue != nil {
            tokenizer["chat_template"] = .string(template)
            files["tokenizer_config.json"] = .text(tokenizer.serialized(indentedBy: 2) + "\n")
        } else {
            let path = folder.appending("tokenizer_config.json")
            let isThere = ((try? FileSystem.status(path)) ?? nil) != nil
            warnings.append(
                (
                    choice.line,
                    isThere
                        ? "the base's tokenizer_config.json is not a JSON object: it is copied as it is, and the "
                            + "chat template stands alone"
                        : "the base has no tokenizer_config.json: the chat template stands alone"
                ))
        }
    }

    private mutating func template(_ name: String, _ isStopped: () -> Bool) -> String? {
        if let known = ChatTemplate(rawValue: name) { return known.jinja }
        guard name == "auto" else { return name }
        var counts: [(text: String, count: Int)] = []
        for text in models.compactMap({ isStopped() ? nil : template(of: $0) }) {
            if let index = counts.firstIndex(where: { $0.text == text }) {
                counts[index].count += 1
            } else {
                counts.append((text, 1))
            }
        }
        // The first of equals: max(by:) would give the last.
        return counts.reversed().max { $0.count < $1.count }?.text
    }

    private mutating func template(of model: OpenModel) -> String? {
        if let text = text("chat_template.jinja", in: model.folder) { return Self.trimmed(text) }
        let value = json("tokenizer_config.json", in: model.folder)?["chat_template"]
        if let text = value?.stringValue { return Self.trimmed(text) }
        let named = value?.arrayValue?.first { $0["name"]?.stringValue == "default" }
        return named?["template"]?.stringValue.map(Self.trimmed)
    }

    private static func trimmed(_ text: String) -> String {
        let start = text.drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}
