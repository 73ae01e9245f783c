import Foundation

/// What a config and its models must come to: the files of the output, or why it is refused.
///
/// Decides and computes everything anew, from the config as a value and the files of the models.
struct RecipeMerge {
    /// What must come of a merge.
    enum Verdict {
        /// The tensors of each file, in order.
        case merged([[TensorFile.Tensor]])
        /// Exit code 65; why.
        case refused(String)
    }

    struct Refusal: Error {
        var reason: String
    }

    /// A run of output layers.
    private struct Slice {
        /// The model whose tensors the output's are named after, and the first of its layers.
        var namesake: Int
        var namesakeStart: Int
        var length: Int
        /// Whether differences to the namesake are merged.
        var hasBase: Bool
        /// The models that are merged, without such a base.
        var sources: [(model: Int, start: Int, parameters: Recipe.Parameters)]
        var parameters: Recipe.Parameters
    }

    /// A tensor of the output.
    private struct Spot {
        var name: String
        var tensor: TensorFile.Tensor
        var slice: Slice
        /// From the slice's first layer; `nil` outside of the layers.
        var layer: Int?
        var t: Double
    }

    let recipe: Recipe
    let method: ReferenceMethod
    let seed: UInt64
    let folders: [CheckpointFolder]
    /// How each folder calls what most call otherwise.
    private let names: [NameStyle]
    /// By what most call them.
    private let tensors: [[String: TensorFile.Tensor]]

    /// - Parameter names: how each folder calls its tensors; none where all call them as most do.
    init(_ recipe: Recipe, seed: UInt64, folders: [CheckpointFolder], names: [NameStyle] = []) {
        self.recipe = recipe
        self.method = ReferenceMethod.named(recipe.method)!
        self.seed = seed
        self.folders = folders
        let names = names.isEmpty ? folders.map { _ in .plain } : names
        self.names = names
        tensors = zip(folders, names).map { folder, names in
            Dictionary(
                folder.tensors.map { (names.meant($0.name), $0) }, uniquingKeysWith: { first, _ in first })
        }
    }

    func verdict() throws -> Verdict {
        do {
            return .merged(shards(try spots().map { try merged($0) }))
        } catch let refusal as Refusal {
            return .refused(refusal.reason)
        }
    }

    // MARK: What is merged

    private func slices() -> [Slice] {
        switch recipe.layout {
        case .models(let sources): return [slice(recipe.base, sources, [:])]
        case .slices(let slices):
            return slices.map { slice($0.base ?? recipe.base, $0.sources, $0.parameters) }
        }
    }

    private func slice(
        _ base: Int?, _ sources: [Recipe.Source], _ parameters: Recipe.Parameters
    ) -> Slice {
        var sources = sources
        let namesake = base ?? sources[0].model
        if method.base == .oneMore, let base, !sources.contains(where: { $0.model == base }) {
            sources.append(Recipe.Source(model: base))
        }
        let own = sources.first { $0.model == namesake }?.layers
        let hasBase: Bool
        switch method.base {
        case .oneMore, .listed: hasBase = false
        case .reference, .optionalReference, .first: hasBase = base != nil
        }
        return Slice(
            namesake: namesake, namesakeStart: own?.lowerBound ?? 0,
            length: own?.count ?? layerCount(namesake), hasBase: hasBase,
            sources: sources.filter { !hasBase || $0.model != namesake }.map {
                ($0.model, $0.layers?.lowerBound ?? 0, $0.parameters)
            }, parameters: parameters)
    }

    private func layerCount(_ model: Int) -> Int { folders[model].config["num_hidden_layers"] as? Int ?? 0 }

    /// Layers that the output has.
    var layerCount: Int { slices().reduce(0) { $0 + $1.length } }

    private func spots() throws -> [Spot] {
        let slices = slices()
        var namesakes: [Int] = []
        for slice in slices where !namesakes.contains(slice.namesake) { namesakes.append(slice.namesake) }
        // Whatever the others call their tensors, the output's are called as the first slice's.
        let called = names[slices[0].namesake].called
        var spots: [Spot] = []
        for namesake in namesakes {
            for tensor in folders[namesake].tensors {
                let name = names[namesake].meant(tensor.name)
                guard let place = Self.place(name) else {
                    let slice = Self.followsLayers(name) ? slices.last! : slices.first!
                    guard slice.namesake == namesake else { continue }
                    spots.append(Spot(name: called(name), tensor: tensor, slice: slice, t: 0))
                    continue
                }
                var start = 0
                for slice in slices {
                    let layer = place.layer - slice.namesakeStart
                    if slice.namesake == namesake, layer >= 0, layer < slice.length {
                        let t = slice.length > 1 ? Double(layer) / Double(slice.length - 1) : 1
                        spots.append(
                            Spot(
                                name: called(place.stack + "\(start + layer)" + place.rest), tensor: tensor,
                                slice: slice, layer: layer, t: t))
                    }
                    start += slice.length
                }
            }
        }
        return spots + (try ownHead(slices))
    }

    /// The head of an output whose embedding is another model's than its head, which is that model's embedding.
    private func ownHead(_ slices: [Slice]) throws -> [Spot] {
        if let last = slices.last, isHeadless(last.namesake),
            !isHeadless(recipe.base ?? slices[0].namesake)
        {
            throw Refusal(reason: "the head is lost")
        }
        guard let first = slices.first, let last = slices.last, first.namesake != last.namesake,
            tensors[last.namesake]["lm_head.weight"] == nil, isTied(last.namesake),
            var embedding = embedding(of: last.namesake)
        else { return [] }
        embedding.name = names[last.namesake].called("lm_head.weight")
        return [
            Spot(name: names[first.namesake].called("lm_head.weight"), tensor: embedding, slice: last, t: 0)
        ]
    }

    /// Whether a model says that it has a head of its own, and has none.
    private func isHeadless(_ model: Int) -> Bool {
        !isTied(model) && tensors[model]["lm_head.weight"] == nil && embedding(of: model) != nil
    }

    private func isTied(_ model: Int) -> Bool {
        folders[model].config["tie_word_embeddings"] as? Bool ?? true
    }

    private func embedding(of model: Int) -> TensorFile.Tensor? {
        tensors[model]["model.embed_tokens.weight"] ?? tensors[model]["transformer.wte.weight"]
    }

    /// The layer is the integer after the first component `layers`, `layer`, `h`, `blocks` or `block`.
    static func place(_ name: String) -> (stack: String, layer: Int, rest: String)? {
        let parts = name.components(separatedBy: ".")
        for (index, part) in parts.enumerated() where index + 2 < parts.count {
            guard ["layers", "layer", "h", "blocks", "block"].contains(part),
                let layer = Int(parts[index + 1])
            else { continue }
            return (
                parts[...index].joined(separator: ".") + ".", layer,
                "." + parts[(index + 2)...].joined(separator: ".")
            )
        }
        return nil
    }

    /// Whether a tensor outside of the layers is the last slice's: the final norm and the head.
    private static func followsLayers(_ name: String) -> Bool {
        ["norm", "ln_f", "lm_head"].contains(name.components(separatedBy: ".").dropLast().last ?? "")
    }

    // MARK: One tensor

    private func merged(_ spot: Spot) throws -> TensorFile.Tensor {
        let base = spot.tensor
        let found = try spot.slice.sources.map { try counterpart(of: spot, in: $0) }
        var result = base
        result.name = spot.name
        result.exact = nil
        result.figures = nil
        // A buffer that some model lacks is the base's, whatever is computed of the rest.
        let others = found.compactMap { $0 }
        guard others.count == found.count else { return result }
        guard base.type.isFloat else {
            guard base.type.isInteger else { throw Refusal(reason: "which cannot be computed with") }
            for other in others {
                if other.tensor.type != base.type { throw Refusal(reason: "cannot be computed with") }
                if other.tensor.shape != base.shape { throw Refusal(reason: "shape") }
                if other.tensor.bytes != base.bytes { throw Refusal(reason: "integer tensor") }
            }
            return result
        }
        var formats: Set<StoredType> = spot.slice.hasBase ? [base.type == .f64 ? .f32 : base.type] : []
        for other in others {
            guard other.tensor.type.isFloat else { throw Refusal(reason: "cannot be computed with") }
            guard other.tensor.shape == base.shape else { throw Refusal(reason: "") }
            formats.insert(other.tensor.type == .f64 ? .f32 : other.tensor.type)
        }
        let format = recipe.dtype ?? (formats.count == 1 ? formats.first! : .f32)
        let inputs = try inputs(spot, others, format)
        if let reason = method.refusal(inputs) { throw Refusal(reason: reason) }
        result.type = recipe.outType ?? format
        // Copied with whatever its NaN hold.
        let isCopy = method.name == "passthrough" && inputs.models[0].parameters["scale"] == nil
        if isCopy, others[0].tensor.type == format, others[0].tensor.exact == nil, result.type == format {
            result.bytes = others[0].tensor.bytes
            return result
        }
        result.bytes = ReferenceFormat.encode(method.merge(inputs), as: result.type)
        if spot.slice.hasBase || !inputs.models.isEmpty {
            result.figures = ReferenceFigures(
                inputs, models: spot.slice.sources.map(\.model), base: recipe.base,
                referenceModel: spot.slice.namesake, method: method)
        }
        return result
    }

    private func inputs(
        _ spot: Spot, _ others: [(tensor: TensorFile.Tensor, name: String)], _ format: StoredType
    ) throws -> TensorInputs {
        func values(_ tensor: TensorFile.Tensor) -> [Float] {
            tensor.values.map { ReferenceFormat.round($0, to: format) }
        }
        let shared = [spot.slice.parameters, recipe.moduleParameters, recipe.parameters]
        func value(_ parameter: ReferenceMethod.Parameter, _ levels: [Recipe.Parameters], _ name: String)
            throws
            -> Double?
        {
            let found = Recipe.value(
                parameter.name, isFlag: parameter.isFlag, levels: levels, tensor: name, t: spot.t)
            guard found != nil || !parameter.isRequired else { throw Refusal(reason: "no \(parameter.name)") }
            return found ?? parameter.usual
        }
        var models: [TensorInputs.Model] = []
        for (ordinal, other) in others.enumerated() {
            let own = spot.slice.sources[ordinal].parameters
            var model = TensorInputs.Model(values: values(other.tensor), ordinal: ordinal, parameters: [:])
            for parameter in method.modelParameters {
                model.parameters[parameter.name] = try value(parameter, [own] + shared, other.name)
            }
            // mergekit ignores a lambda under a model; it is the merge's, and sees the output's name.
            if method.mergeParameters.contains(where: { $0.name == "lambda" }),
                recipe.ignoresOwnLambda != true
            {
                model.parameters["lambda"] = Recipe.value(
                    "lambda", isFlag: false, levels: [own], tensor: spot.name, t: spot.t)
            }
            models.append(model)
        }
        var parameters: [String: Double] = [:]
        for parameter in method.mergeParameters {
            parameters[parameter.name] = try value(parameter, shared, spot.name)
        }
        return TensorInputs(
            name: spot.name, shape: spot.tensor.shape, seed: seed, format: format,
            base: spot.slice.hasBase ? values(spot.tensor) : nil, models: models, parameters: parameters)
    }

    /// What a model's code computes or counts.
    private static func isBuffer(_ name: String) -> Bool {
        ["rotary_emb.inv_freq", "attn.masked_bias", "position_ids"].contains { name.hasSuffix($0) }
            || isCounter(name)
    }

    /// What counts with what a model was trained: the base's, whatever the others have.
    private static func isCounter(_ name: String) -> Bool { name.hasSuffix("num_batches_tracked") }

    /// A model's tensor for one of the output, and what its filters see; `nil` for a buffer that it lacks.
    private func counterpart(
        of spot: Spot, in source: (model: Int, start: Int, parameters: Recipe.Parameters)
    ) throws -> (tensor: TensorFile.Tensor, name: String)? {
        var name = names[spot.slice.namesake].meant(spot.tensor.name)
        if let layer = spot.layer, let place = Self.place(name) {
            name = place.stack + "\(source.start + layer)" + place.rest
        }
        if Self.isCounter(name) { return nil }
        let own = tensors[source.model]
        if let tensor = own[name] { return (tensor, tensor.name) }
        if Self.isBuffer(name) { return nil }
        if name == "lm_head.weight", isTied(source.model), let embedding = embedding(of: source.model) {
            return (embedding, names[spot.slice.namesake].called(name))
        }
        throw Refusal(reason: "has no tensor")
    }

    // MARK: Files

    /// A new file where the next tensor would pass the shard size.
    private func shards(_ tensors: [TensorFile.Tensor]) -> [[TensorFile.Tensor]] {
        let limit = recipe.shardSize?.bytes ?? 5_000_000_000
        var files: [[TensorFile.Tensor]] = [[]]
        var size = 0
        for tensor in tensors {
            if !files[files.count - 1].isEmpty, size + tensor.bytes.count > limit {
                files.append([])
                size = 0
            }
            files[files.count - 1].append(tensor)
            size += tensor.bytes.count
        }
        return files
    }
}
