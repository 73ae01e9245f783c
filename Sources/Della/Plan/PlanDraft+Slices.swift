import SystemPackage

extension PlanDraft {
    /// The slices with their models found, in order; those that cannot be planned are lost, with their problems
    /// noted.
    mutating func planSlices() -> [PlannedSlice] {
        let isWhole: Bool
        if case .models = config.layout { isWhole = true } else { isWhole = false }
        var isPlaceKnown = true
        var slices: [PlannedSlice] = []
        for slice in config.slices {
            let planned = planSlice(slice, isWhole: isWhole)
            let length = slice.isDamaged ? nil : slice.sources.first?.layers?.value.count
            // Of what follows a slice of unknown length no output layer can be named.
            isPlaceKnown = isPlaceKnown && (planned != nil || length != nil)
            slices.append(
                isPlaceKnown ? planned ?? .lost(slice, length: length ?? 0) : .lost(slice, length: 0))
        }
        return slices
    }

    private mutating func planSlice(_ slice: MergeConfig.Slice, isWhole: Bool) -> PlannedSlice? {
        noteRepetitions(slice)
        noteNegativeRanges(slice)
        guard !slice.isDamaged, let (naming, isReference, sources) = members(of: slice, isWhole: isWhole)
        else {
            return nil
        }
        noteCount(sources.count - (isReference ? 1 : 0), slice)
        if isWhole {
            noteLayerCounts(sources, base: naming)
        } else {
            guard checkRanges(slice, sources) else { return nil }
        }
        guard let base = index(naming) else { return nil }
        let range = sources.first { $0.model == naming }?.layers?.value
        var planned = PlannedSlice(
            base: base, baseStart: range?.lowerBound ?? 0, sources: [], isReference: isReference,
            length: range?.count ?? models[base].layerCount, parameters: slice.parameters, line: slice.line,
            isLengthDoubtful: isWhole && models[base].lacksLayers)
        for source in sources {
            guard let model = index(source.model) else { continue }
            if isReference, model == base {
                noteBaseParameters(source, of: models[base].name)
            } else {
                planned.sources.append(
                    .init(model: model, start: source.layers?.value.lowerBound ?? 0, entry: source))
                noteOwnLambda(source)
            }
        }
        if isReference, planned.sources.isEmpty, planned.length > 0 {
            list.warn(slice.line, "no model besides the base: the base comes out as it is")
        }
        return planned
    }

    /// The models of a slice, with the base as the method takes it: the one whose tensors the output has, whether
    /// the others are merged as differences to it, and all of them. `nil`, and a problem noted, where that cannot be.
    private mutating func members(
        of slice: MergeConfig.Slice, isWhole: Bool
    ) -> (naming: ModelReference, isReference: Bool, sources: [MergeConfig.Source])? {
        let method = config.rules
        var sources = slice.sources
        let base = slice.base?.value ?? config.base?.value
        guard let first = sources.first?.model ?? (isWhole ? base : nil) else { return nil }
        guard let base else {
            // The problem is noted where a base is needed.
            return method.base.isNeeded ? nil : (first, false, sources)
        }
        if !sources.contains(where: { $0.model == base }) {
            if isWhole {
                var source = MergeConfig.Source(model: base, line: config.base?.line ?? slice.line)
                source.isAppended = !method.base.isReference
                sources.append(source)
                if method.base == .member {
                    list.warn(
                        source.line,
                        "base_model takes part in \(method.name) as one more model, as in mergekit: "
                            + "leave it out if it is not meant to")
                }
            } else if method.base.isNeeded {
                list.add(
                    slice.line, "the slice does not list its base, \(base.text)",
                    "add '- model: \(base.text)' with the layer_range that the others are compared to")
                return nil
            } else {
                return (first, false, sources)
            }
        }
        // The way begins at the base.
        if method.base == .start, let place = sources.firstIndex(where: { $0.model == base }) {
            sources.insert(sources.remove(at: place), at: 0)
        }
        return (base, method.base.isReference, sources)
    }

    /// Notes too few or too many models for the method.
    private mutating func noteCount(_ count: Int, _ slice: MergeConfig.Slice) {
        guard let method = config.method, !method.models.contains(count) else { return }
        let isNeeded = method.base.isNeeded
        let others = MethodRules.all.filter { $0.models.contains(count) && $0.base.isNeeded == isNeeded }
        let names = others.prefix(4).map(\.name).joined(separator: ", ")
        list.add(
            slice.line,
            "\(method.name) merges \(method.modelsText), and there \(count == 1 ? "is 1" : "are \(count)")",
            count < method.models.lowerBound
                ? "list more" + (names.isEmpty || count == 0 ? "" : ", or write a method for one: \(names)")
                : "list fewer" + (names.isEmpty ? "" : ", or write a method for more: \(names)"))
    }

    /// A model is listed once, whatever it is called.
    private mutating func noteRepetitions(_ slice: MergeConfig.Slice) {
        let remedy = "keep one; a copy of the folder under another name may take part twice"
        let base = slice.base?.value ?? config.base?.value
        var lines: [ModelReference: Int] = [:]
        // With another adapter a model is another.
        var places: [[FilePath]: MergeConfig.Source] = [:]
        for source in slice.sources {
            if let first = lines[source.model] {
                list.add(
                    source.line, "\(source.model.text) is listed a second time, after line \(first)", remedy)
                continue
            }
            lines[source.model] = source.line
            guard source.model != base, let index = index(source.model) else { continue }
            let own = models[index].places
            if let first = places[own] {
                list.add(
                    source.line,
                    "\(source.model.text) is the folder of \(first.model.text) in line \(first.line)", remedy)
            } else {
                places[own] = source
            }
        }
    }

    /// Whole models must have as many layers as the base, as their gradients and tensors go by layers.
    private mutating func noteLayerCounts(_ sources: [MergeConfig.Source], base: ModelReference) {
        guard let base = index(base) else { return }
        let layers = models[base].layerCount
        noteLostLayers(models[base])
        noteUncountedLayers(models[base])
        // Where the base's own counts differ, either may be the right one.
        let held = models[base].lacksLayers ? models[base].layersHeld : layers
        for source in sources {
            guard let model = index(source.model), model != base else { continue }
            let count = models[model].layerCount
            if count != layers, count != held {
                misfits.insert(model)
                list.add(
                    source.line,
                    "\(source.model.displayName) has \(count) \(count == 1 ? "layer" : "layers"), the base \(layers)",
                    "merge models of one architecture, or ranges of layers with slices:")
            } else if let other = otherStack(of: models[model], base: models[base]) {
                misfits.insert(model)
                list.add(
                    source.line,
                    "\(source.model.displayName) has \(other.count) layers in \(other.stack), the base \(other.baseCount)",
                    "merge models of one architecture and size")
            }
        }
    }

    /// Of an encoder and a decoder, the stack that has another number of layers than the base's.
    private func otherStack(
        of model: OpenModel, base: OpenModel
    ) -> (stack: String, count: Int, baseCount: Int)? {
        func end(_ stack: String) -> [Substring] { Array(stack.split(separator: ".").suffix(2)) }
        let (ours, theirs) = (base.textStacks, model.textStacks)
        guard ours.count > 1 else { return nil }
        for (stack, count) in theirs.sorted(by: { $0.key < $1.key }) {
            if let same = ours.first(where: { end($0.key) == end(stack) }), same.value != count {
                return (stack, count, same.value)
            }
        }
        return nil
    }

    private mutating func noteLostLayers(_ model: OpenModel) {
        guard model.lacksLayers else { return }
        list.add(
            model.line,
            "\(model.reference.displayName): config.json says \(model.layerCount) layers, "
                + "the checkpoint has \(model.layersHeld)",
            "download it again")
    }

    /// Layers past those that the config counts are merged: some models keep what predicts further tokens there.
    private mutating func noteUncountedLayers(_ model: OpenModel) {
        guard model.layersHeld > model.layerCount else { return }
        list.warn(
            model.line,
            "\(model.name.text): config.json says \(model.layerCount) "
                + "\(model.layerCount == 1 ? "layer" : "layers"), the checkpoint has \(model.layersHeld): "
                + "gradients end at layer \(model.layerCount - 1), and later layers take their last values")
    }

    /// Notes ranges that count from the end, as Python's may.
    private mutating func noteNegativeRanges(_ slice: MergeConfig.Slice) {
        for source in slice.sources {
            guard let layers = source.negativeLayers else { continue }
            let name = source.model.displayName
            let end =
                index(source.model).map { "to take the last of \(name) too, END is \(models[$0].layerCount)" }
                ?? "to take the last too, END is the model's number of layers"
            list.add(
                layers.line, "layer_range \(layers.value): negative numbers are not taken",
                "layers count from 0, and END is not included: \(end)")
        }
    }

    /// Whether the ranges of a slice agree with each other and with the models.
    private mutating func checkRanges(_ slice: MergeConfig.Slice, _ sources: [MergeConfig.Source]) -> Bool {
        var isGood = true
        for source in sources {
            guard let layers = source.layers else { return false }
            if let first = sources.first?.layers, layers.value.count != first.value.count {
                list.add(
                    layers.line,
                    "layer_range of \(layers.value.count) layers beside one of \(first.value.count)",
                    "the sources of a slice have ranges of one length")
                isGood = false
            }
            guard let index = index(source.model) else { continue }
            let model = models[index]
            if let problem = Self.rangeProblem(layers, of: model) {
                list.add(problem)
                isGood = false
            }
            let stacks = model.stacks.keys.filter { !PredictionLayers.isOne($0) }.sorted()
            if stacks.count > 1 {
                list.add(
                    source.line,
                    "\(source.model.displayName) has several stacks of layers "
                        + "(\(stacks.joined(separator: ", "))): slices do not say which",
                    "write models: instead, which merges every tensor")
                isGood = false
            }
        }
        return isGood
    }

    /// What is wrong with a range of a model's layers: there must be tensors of all of them.
    private static func rangeProblem(
        _ layers: MergeConfig.Located<Range<Int>>, of model: OpenModel
    ) -> Problem? {
        let name = model.reference.displayName
        let beyond =
            "layer_range [\(layers.value.lowerBound), \(layers.value.upperBound)] reaches beyond the "
        if layers.value.upperBound > model.layerCount {
            let further =
                model.layersHeld > model.layerCount
                ? ": those from \(model.layerCount) on predict further tokens, and slices do not take them"
                : ""
            return Problem(
                line: layers.line, beyond + "\(model.layerCount) layers of \(name)\(further)",
                remedy: "END is at most \(model.layerCount)")
        }
        guard layers.value.upperBound > model.layersHeld else { return nil }
        return Problem(
            line: layers.line,
            beyond + "\(model.layersHeld) layers that the checkpoint of \(name) has; its config.json says "
                + "\(model.layerCount)", remedy: "download it again")
    }

    private mutating func noteBaseParameters(_ source: MergeConfig.Source, of base: ModelName) {
        guard let line = source.parameters.settings.values.map(\.line).min() else { return }
        list.warn(line, "parameters of the base \(base.text) change nothing, in mergekit as here")
    }

    private mutating func noteOwnLambda(_ source: MergeConfig.Source) {
        guard let setting = source.parameters.settings[ParameterRule.lambda.name] else { return }
        list.warn(
            setting.line,
            config.dellad.followsMergekit
                ? "lambda under a model changes nothing, as mergekit_compat says"
                : "lambda under a model is applied to that model's part in place of the merge's; mergekit ignores it, and "
                    + "so does dellad: {mergekit_compat: true}")
    }
}
