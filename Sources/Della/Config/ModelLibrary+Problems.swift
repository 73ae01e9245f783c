import SystemPackage

extension ModelLibrary {
    /// What is said of a file of a model that may not be read.
    static let forbidden = (
        problem: "leads out of the --models folders",
        remedy: "move the file there, or start dellad serve with --allow-any-path"
    )

    /// The problem of a model that is not there: where it was looked for, and what it may have been.
    func problem(_ model: ModelReference, result: Result, line: Int) -> Problem? {
        switch result {
        case .found:
            return nil
        case .forbidden(let path):
            return Problem(
                line: line, "\(model.text): \(path) is outside of the --models folders",
                remedy: "move it there, or start dellad serve with --allow-any-path")
        case .missing:
            let similar = namesLike(model.path)
            var remedy =
                similar.isEmpty ? "" : "did you mean \(similar.joined(separator: ", or "))?"
            if similar.isEmpty, model.isHubName {
                remedy = "download it: \(downloadCommand(model))"
            } else if similar.isEmpty {
                remedy =
                    model.isLocalPath
                    ? "check the path"
                    : folders.isEmpty ? "check the path, or name a folder with --models" : "check the name"
            } else if model.isHubName {
                remedy += " else download it: \(downloadCommand(model))"
            }
            return Problem(
                line: line, "the model \(model.text) was not found\(searched(model))", remedy: remedy,
                kind: .missingInput)
        }
    }

    private func searched(_ model: ModelReference) -> String {
        if FilePath(model.path).isAbsolute { return "" }
        let places = [workingDirectory].compactMap { $0 } + folders
        return places.isEmpty ? "" : " in " + places.map(\.string).joined(separator: ", ")
    }

    private func downloadCommand(_ model: ModelReference) -> String {
        let folder = folders.first ?? workingDirectory ?? "."
        let revision = model.revision.map { " --revision \($0)" } ?? ""
        return "hf download \(model.path)\(revision) --local-dir \(folder.appending(model.path))"
    }
}
