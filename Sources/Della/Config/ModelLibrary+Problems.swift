import StreamIO
import SystemPackage

extension ModelLibrary {
    /// What is said of a file of a model that may not be read.
    static let forbidden = (
        problem: "leads out of the --models folders",
        remedy: "move the file there, or start dellad serve with --allow-any-path"
    )

    /// Why the adapter of a model cannot be read; `nil` where it is found, or there is none.
    func adapterProblem(
        _ model: ModelReference, line: Int, listing: NameListing = NameListing(),
        isStopped: () -> Bool = { false }
    ) -> Problem? {
        guard let name = model.adapter else { return nil }
        let models = withoutStages
        guard let reference = models.adapter(named: name) else {
            return Problem(
                line: line, "'\(name.excerpt)' is no adapter's name", remedy: "write BASE+ADAPTER, two names")
        }
        let result = models.find(reference)
        let divided = result == .missing ? models.dividedProblem(model, line: line) : nil
        return divided
            ?? models.problem(reference, result: result, line: line, listing: listing, isStopped: isStopped)
    }

    /// The problem of a model that is not there: where it was looked for, and what it may have been.
    ///
    /// - Parameters:
    ///   - listing: the library's names, for all models of a config.
    ///   - isStopped: asked often.
    func problem(
        _ model: ModelReference, result: Result, line: Int, listing: NameListing = NameListing(),
        isStopped: () -> Bool = { false }
    ) -> Problem? {
        switch result {
        case .found, .unplanned:
            return nil
        case .forbidden(let path):
            return Problem(
                line: line, "\(model.text): \(path) is outside of the --models folders",
                remedy: "move it there, or start dellad serve with --allow-any-path")
        case .denied(let path):
            let advice = AccessAdvice(for: path)
            let download =
                model.isHubName && cache != nil ? ", or download it: \(downloadCommand(model))" : ""
            return Problem(
                line: line, "the model \(model.text): \(advice.obstacle): Permission denied",
                remedy: "\(advice)\(download)", kind: .missingInput)
        case .missing:
            return dividedProblem(model, line: line) ?? fileProblem(model, line: line)
                ?? cacheProblem(model, line: line) ?? typingProblem(model, line: line)
                ?? missingProblem(
                    model, line: line, similar: namesLike(model.path, in: listing, isStopped: isStopped))
        }
    }

    /// A folder whose own name has a sign that divides a model's name, `+` or `@`; `nil` where there is none.
    func dividedProblem(_ model: ModelReference, line: Int) -> Problem? {
        guard model.adapter != nil || model.revision != nil,
            case .found = find(ModelReference(path: model.text))
        else { return nil }
        let sign =
            model.adapter == nil
            ? "@ divides a model from its revision" : "+ divides a model from its adapter"
        let isPlain = !model.text.contains { ",[]{}#:'\"".contains($0) }
        let path = isPlain ? model.text : "'\(model.text.replacing("'", with: "''"))'"
        return Problem(
            line: line, "\(model.text) was not found: \(sign)",
            remedy: "write {path: \(path)} for the folder of that name", kind: .missingInput)
    }

    private func missingProblem(_ model: ModelReference, line: Int, similar: [String]) -> Problem {
        let similar = similar.filter { $0 != model.path }.joined(separator: ", or ")
        var remedies: [String] = []
        if model.unexpandedStart != nil { remedies.append("write the path in full") }
        let absent = searchesFolders(model) ? folders.filter { !isFolder($0) } : []
        if !absent.isEmpty { remedies.append("name the folder of your models with --models") }
        if model.isHubName {
            remedies.append("download it: \(downloadCommand(model))")
        } else if remedies.isEmpty, similar.isEmpty {
            remedies.append(
                model.isLocalPath
                    ? "check the path"
                    : folders.isEmpty ? "check the path, or name a folder with --models" : "check the name")
        }
        var remedy = remedies.joined(separator: ", or ")
        if !similar.isEmpty {
            remedy = "did you mean \(similar)?" + (remedy.isEmpty ? "" : " else " + remedy)
        }
        var message = "the model \(model.text) was not found\(searched(model))"
        if let start = model.unexpandedStart { message += ": \(start) is not expanded" }
        if !absent.isEmpty {
            message += "; there is no folder \(absent.map(\.string).joined(separator: ", "))"
        }
        return Problem(
            line: line, message, remedy: remedy, kind: .missingInput, model: model.hubModel)
    }

    /// A model with characters in its name that do not show, or that were straight quotes.
    private func typingProblem(_ model: ModelReference, line: Int) -> Problem? {
        guard let clean = TypedName.cleaned(model.path) else { return nil }
        return Problem(
            line: line,
            "the model \(model.text) was not found: there are typographic quotes, or characters that do not show, in its name",
            remedy: "remove them: write \(clean)", kind: .missingInput)
    }

    private func searchesFolders(_ model: ModelReference) -> Bool {
        !FilePath(model.path).isAbsolute && model.unexpandedStart == nil
    }

    private func searched(_ model: ModelReference) -> String {
        guard searchesFolders(model) else { return "" }
        var places = [workingDirectory].compactMap { $0 } + folders
        if let cache, !places.contains(cache), !model.isLocalPath { places.append(cache) }
        return places.isEmpty ? "" : " in " + places.map(\.string).joined(separator: ", ")
    }

    private func downloadCommand(_ model: ModelReference) -> String {
        let revision = model.revision.map { " --revision \($0)" } ?? ""
        // Into the cache that is searched.
        guard cache == nil else { return "hf download \(model.path)\(revision)" }
        let folder = folders.first(where: isFolder) ?? workingDirectory ?? folders.first ?? "."
        return "hf download \(model.path)\(revision) --local-dir \(folder.appending(model.path))"
    }

    /// The command that fetches what a snapshot of Hugging Face's cache lacks; `nil` for any other folder.
    func completion(of model: ModelReference, in folder: FilePath) -> String? {
        let entry = folder.parent.parent
        guard !model.isLocalPath, folder.parent.lastComponent?.string == "snapshots",
            entry.lastComponent?.string.hasPrefix("models--") == true
        else { return nil }
        let revision = model.revision.map { " --revision \($0)" } ?? ""
        let isUsual = cache.map { $0 == entry.parent } ?? false
        return "hf download \(model.path)\(revision)" + (isUsual ? "" : " --cache-dir \(entry.parent)")
    }

    /// A model given by one of its files.
    private func fileProblem(_ model: ModelReference, line: Int) -> Problem? {
        let file = candidates(model).first { candidate in
            ((try? readable.status(candidate.path)) ?? nil)?.isRegular ?? false
        }
        guard file != nil else { return nil }
        if model.path.lowercased().hasSuffix(".gguf") {
            return Problem(
                line: line, "\(model.text) is a GGUF file, whose weights are quantised or laid out anew",
                remedy: "name the safetensors model that it was made from")
        }
        let folder = FilePath(model.path).removingLastComponent()
        return Problem(
            line: line, "\(model.text) is a file, and a model is a folder",
            remedy: "write \(folder.isEmpty ? "the folder that holds it" : folder.string)")
    }

    /// A model that Hugging Face's cache knows, but not which of its snapshots is meant.
    private func cacheProblem(_ model: ModelReference, line: Int) -> Problem? {
        guard
            let entry = (folders + [cache].compactMap({ $0 })).compactMap({ cacheEntry(model, in: $0) })
                .first(where: isFolder),
            permits(entry)
        else { return nil }
        let commits = ((try? readable.entries(of: entry.appending("snapshots"))) ?? [])
            .filter { !$0.hasPrefix(".") }.sorted()
        let download = "download it: \(downloadCommand(model))"
        guard !commits.isEmpty else {
            return Problem(
                line: line, "\(model.text): \(entry) holds no snapshot", remedy: download,
                kind: .missingInput, model: model.hubModel)
        }
        // As many digits as find() asks for, and then some.
        let shown = commits.prefix(3).map { String($0.prefix(12)) }
        let more = commits.count > shown.count ? " and \(commits.count - shown.count) more" : ""
        let there = shown.joined(separator: ", ") + more
        let choices = shown.map { "\(model.path)@\($0)" }.joined(separator: ", or ")
        let reference = model.revision ?? "main"
        let isReference =
            FilePath(reference).isRelative
            && readable.permits(entry.appending("refs").pushing(FilePath(reference)))
        let why =
            if isReference {
                "refs/\(reference) names none of its snapshots (\(there))"
            } else if let revision = model.revision {
                "holds no revision \(revision), but \(there)"
            } else {
                "holds the snapshots \(there), and no refs/main that says which is meant"
            }
        return Problem(
            line: line, "\(model.text): \(entry)\(isReference ? ": " : " ")\(why)",
            remedy: "write \(choices)" + (isReference || model.revision != nil ? ", or \(download)" : ""),
            kind: .missingInput, model: model.hubModel)
    }

    /// Where a cache has a model that this user may not look into.
    func closedCacheEntry(_ model: ModelReference) -> FilePath? {
        for folder in folders + [cache].compactMap({ $0 }) {
            guard let snapshots = cacheEntry(model, in: folder)?.appending("snapshots") else {
                return nil
            }
            do throws(IOError) {
                _ = try readable.entries(of: snapshots, limit: 1)
            } catch {
                if error.errno == .permissionDenied { return snapshots }
            }
        }
        return nil
    }

    /// Where Hugging Face's cache has a model, if it has it.
    private func cacheEntry(_ model: ModelReference, in folder: FilePath) -> FilePath? {
        let parts = model.path.split(separator: "/")
        guard (1...2).contains(parts.count), !model.isLocalPath else { return nil }
        return folder.appending("models--" + parts.joined(separator: "--"))
    }
}
