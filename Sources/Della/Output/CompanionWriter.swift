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
    /// What becomes of the vocabulary; `nil` where it is the base's as it is.
    let vocabulary: VocabularyPlan?
    let library: ModelLibrary
    /// What the recipe says of the document that is merged; `nil` for a config of one.
    var stage: StageContext?
    private var problems: [Problem] = []
    var warnings: [(line: Int?, text: String)] = []

    /// Bytes of a text file that is edited or looked through, at most.
    private static let textLimit = 4 << 20
    /// Python files that are copied, at most.
    private static let codeLimit = 64
    /// Bytes of a file that is copied, at most.
    private static let copyLimit: UInt64 = 1 << 30
    /// Tokenizer and chat template files, as transformers names them.
    private static let tokenizerNames: Set<String> = [
        "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "spiece.model",
        "sentencepiece.bpe.model", "tekken.json", "chat_template.jinja", "chat_template.json",
    ]
    private static let tokenizerSuffixes = [".tiktoken", ".spm"]
    /// Generation and preprocessor files.
    private static let otherNames: Set<String> = [
        "generation_config.json", "preprocessor_config.json", "processor_config.json",
        "image_processor_config.json", "video_preprocessor_config.json",
        "feature_extractor_config.json",
    ]

    init(
        config: MergeConfig, models: [OpenModel], base: Int, slices: [PlannedSlice],
        shards: [OutputShard],
        untiesHead: Bool, vocabulary: VocabularyPlan? = nil, library: ModelLibrary
    ) {
        self.config = config
        self.models = models
        self.base = base
        self.slices = slices
        self.shards = shards
        self.untiesHead = untiesHead
        self.vocabulary = vocabulary
        self.library = library
    }

    private var folder: FilePath { models[base].folder }
    /// The model whose tokenizer the output gets.
    var tokenizerModel: OpenModel { models[vocabulary?.source ?? base] }

    /// The files, by name.
    ///
    /// - Parameter isStopped: asked before each file that is read; what is returned then is not all.
    mutating func companions(
        configText: [UInt8], outputName: String, isStopped: () -> Bool = { false }
    ) -> [CompanionFile] {
        let text = String(decoding: stage?.shown ?? configText, as: UTF8.self)
        var files = copies(isStopped)
        if let config = configFile() { files["config.json"] = .text(config) }
        applyTokenizer(&files, isStopped)
        if isStopped() { return [] }
        files[ModelCard.fileName] = .text(card(text, title: outputName))
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
        let entries = entries(of: models[base])
        for name in entries where Self.otherNames.contains(name) {
            add(name, of: models[base], to: &files)
        }
        let model = tokenizerModel
        let isBases = model.folder == folder
        let names = isBases ? entries : self.entries(of: model)
        for name in names
        where Self.tokenizerNames.contains(name)
            || Self.tokenizerSuffixes.contains(where: { name.hasSuffix($0) })
        {
            add(name, of: model, to: &files)
        }
        let templates = model.folder.appending("additional_chat_templates")
        if names.contains("additional_chat_templates") {
            let readable = library.copyable(of: model.folder)
            let more =
                look(
                    templates, "additional_chat_templates", of: model,
                    { () throws(IOError) in try readable.entries(of: templates) }) ?? []
            for name in more where name.hasSuffix(".jinja") {
                add("additional_chat_templates/\(name)", of: model, to: &files)
            }
        }
        var configs = ["config.json", "preprocessor_config.json", "processor_config.json"]
        if isBases { configs.insert("tokenizer_config.json", at: 1) }
        for name in codeFiles(configs, entries, of: models[base], isStopped) {
            add(name, of: models[base], to: &files)
        }
        guard !isBases else { return files }
        for name in codeFiles(["tokenizer_config.json"], names, of: model, isStopped)
        where files[name] == nil {
            add(name, of: model, to: &files)
        }
        return files
    }

    private mutating func entries(of model: OpenModel) -> [String] {
        let readable = library.readable
        return read(model.folder) { () throws(IOError) in try readable.entries(of: model.folder) } ?? []
    }

    private mutating func add(
        _ name: String, of model: OpenModel, to files: inout [String: CompanionFile.Content]
    ) {
        let path = model.folder.pushing(FilePath(name))
        let readable = library.copyable(of: model.folder)
        guard
            let found = look(path, name, of: model, { () throws(IOError) in try readable.status(path) })
        else {
            return
        }
        guard let status = found, status.isRegular else {
            warnings.append(
                (
                    model.line,
                    "\(Self.what(name, of: model, base: models[base])) is no file that can be copied, and left out"
                ))
            return
        }
        // Code and templates may be empty.
        if !name.hasSuffix(".py"), !name.hasSuffix(".jinja"),
            let stub = TokenizerFiles.stub(path, in: readable)
        {
            problems.append(
                Problem(
                    line: model.line, "\(model.reference.displayName): \(path) \(stub)",
                    remedy: "run git lfs pull in its folder, or download it again", kind: .missingInput))
        }
        guard status.size <= Self.copyLimit else {
            warnings.append(
                (
                    model.line,
                    "\(Self.what(name, of: model, base: models[base])) is larger than \(ByteCount(Self.copyLimit)), and left out"
                ))
            return
        }
        files[name] = .copy(of: path)
    }

    static func what(_ name: String, of model: OpenModel, base: OpenModel) -> String {
        "\(name) of " + (model.folder == base.folder ? "the base" : model.name.text)
    }

    /// As `read`, of what is to be copied: that it leads out of where files may be copied from is a warning.
    private mutating func look<Value>(
        _ path: FilePath, _ name: String, of model: OpenModel, _ attempt: () throws(IOError) -> Value
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
            let what = Self.what(name, of: model, base: models[base])
            warnings.append((model.line, "\(what) \(problem), and is left out"))
        }
        return value ?? nil
    }

    /// The Python files that the `auto_map` of a config names, and those that they import from beside them.
    private mutating func codeFiles(
        _ configs: [String], _ entries: [String], of model: OpenModel, _ isStopped: () -> Bool
    ) -> [String] {
        let available = Set(entries.filter { $0.hasSuffix(".py") })
        guard !available.isEmpty else { return [] }
        var waiting: [String] = []
        for name in configs {
            guard let map = json(name, in: model.folder)?["auto_map"]?.objectValue else { continue }
            for member in map.members {
                let values = member.value.arrayValue ?? [member.value]
                waiting += values.compactMap(\.stringValue).compactMap(Self.module)
            }
        }
        var found: Set<String> = []
        while let name = waiting.popLast(), found.count < Self.codeLimit, !isStopped() {
            guard available.contains(name), found.insert(name).inserted else { continue }
            waiting += imports(name, of: model, isStopped).filter {
                available.contains($0) && !found.contains($0)
            }
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

    private mutating func imports(
        _ name: String, of model: OpenModel, _ isStopped: () -> Bool
    ) -> [String] {
        guard let text = text(name, in: model.folder) else { return [] }
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

    mutating func text(_ name: String, in folder: FilePath? = nil) -> String? {
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

    mutating func json(_ name: String, in folder: FilePath? = nil) -> JSON? {
        text(name, in: folder).flatMap {
            try? JSON(
                parsing: Array($0.utf8), allowsNonfinite: true, isLenient: true,
                valueLimit: ModelProfile.valueLimit)
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
        if let rows = vocabulary?.vocabulary?.rowCount ?? savedRows { output.setVocabulary(rows) }
        if model.profile.quantization != nil { output.dropQuantization() }
        if case .slices = config.layout, let place = model.profile.layerCountKey {
            let layers = slices.flatMap { slice in
                let origin = models[slice.base].profile.text ?? .null
                return (slice.baseStart..<(slice.baseStart + slice.length)).map {
                    LayerOrigin(config: origin, layer: $0)
                }
            }
            for warning in output.setLayers(layers, place: place) {
                warnings.append((config.layoutLine, warning))
            }
            if lacksPrediction {
                let says =
                    output.dropPrediction(in: place.section) ? ", and num_nextn_predict_layers is 0" : ""
                warnings.append(
                    (
                        config.layoutLine,
                        "the layers past \(model.layerCount - 1), which predict further tokens, are left out\(says)"
                    ))
            }
        }
        return output.text
    }

    /// Whether slices leave out layers past those that the config counts: only a whole model keeps them.
    private var lacksPrediction: Bool {
        guard models[base].layersHeld > models[base].layerCount else { return false }
        let isWhole =
            slices.count == 1 && slices[0].baseStart == 0
            && slices[0].length == models[slices[0].base].layerCount
        return !isWhole
    }

    /// Rows of the output's embedding, where it is an adapter's with another number of them than its model's.
    private var savedRows: Int? {
        guard let first = slices.first, let rows = models[first.base].embeddingRows,
            rows != models[first.base].embedding?.shape.first
        else { return nil }
        return rows
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
        if let stage, let own = stageCard {
            return RecipeCard(title: title, stages: stage.earlier + [own]).text
        }
        return ModelCard(
            title: title, method: config.rules, base: baseName, models: otherNames,
            config: PublicConfig(text, models: models.map { ($0.reference, $0.name) }).text
        ).text
    }

    private var baseName: ModelName? { config.base == nil ? nil : models[base].name }

    /// The models besides the base, each once.
    private var otherNames: [ModelName] {
        var others: [ModelName] = []
        for model in models where model.name != baseName && !others.contains(model.name) {
            others.append(model.name)
        }
        return others
    }

    /// What cards of this and later stages of a recipe say of it; `nil` for a config of one document.
    var stageCard: StageCard? {
        guard let stage else { return nil }
        let document = PublicConfig(
            String(decoding: stage.document, as: UTF8.self),
            models: models.map { ($0.reference, $0.name) })
        return StageCard(
            name: stage.name, line: stage.line, method: config.rules, base: baseName, models: otherNames,
            document: document.text)
    }
}
