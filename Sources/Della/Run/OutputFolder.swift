import StreamIO
import SystemPackage

/// Completes a merged folder: what stands beside the shards, and `dellad.json`, which says what was done.
struct OutputFolder {
    let plan: MergePlan
    let folder: FilePath
    /// Whether `dellad.json` gets the SHA-256 of every file.
    let takesSHA256: Bool
    /// Says where files may be copied from: what was one when it was planned may be a link by now.
    let library: ModelLibrary

    /// Writes the companions and `dellad.json`, and syncs everything down to the folder's names.
    ///
    /// - Parameter next: called before each file; what it throws is thrown.
    func complete(
        shards: [ChunkChecksums], constants: FoundConstants, audit: AuditReport?,
        report: MergeReport? = nil,
        configText: [UInt8], seconds: Double, warnings: [String],
        next: () throws -> Void = {}
    ) throws {
        var files = zip(plan.shards, shards).map { shard, checksums in
            MergeRecord.File(
                name: shard.fileName, size: shard.byteCount, checksums: checksums.all,
                sha256: takesSHA256 ? checksums.sha256 : nil)
        }
        if let report {
            try next()
            try replace(MergeReport.pageName, with: report.html)
            try replace(MergeReport.pictureName, with: report.svg)
            for name in [MergeReport.pageName, MergeReport.figuresName, MergeReport.pictureName] {
                files.append(try MergeRecord.File(reading: name, in: folder, takesSHA256: takesSHA256))
            }
        }
        for companion in plan.companions {
            try next()
            try write(companion, showsReport: report != nil)
            files.append(
                try MergeRecord.File(reading: companion.name, in: folder, takesSHA256: takesSHA256))
        }
        let record = MergeRecord(
            plan: plan, configText: configText, files: files, constants: constants, audit: audit,
            seconds: seconds, warnings: warnings)
        let path = folder.appending(MergeRecord.fileName)
        guard record.byteCount <= UInt64(RecordedMerge.recordLimit) else {
            throw IOError("write (too many files)", path, .fileTooLarge)
        }
        try removeIfThere(path)
        try record.write(to: path)
        try FileSystem.syncFolder(folder)
    }

    /// Removes what loaders would read along with the shards and this merge did not write: the folder is hidden, and its
    /// own until it has its name. The names.
    func removeIntruders() throws(IOError) -> [String] {
        let own = Set(
            plan.shards.map(\.fileName)
                + plan.companions.compactMap { FilePath($0.name).components.first?.string })
        let intruders = try FileSystem.entries(of: folder).filter { name in
            (name.hasSuffix(".safetensors") || name.hasSuffix(".index.json")) && !own.contains(name)
        }
        guard !intruders.isEmpty else { return [] }
        for name in intruders { try FileSystem.removeTree(folder.appending(name)) }
        try FileSystem.syncFolder(folder)
        return intruders
    }

    /// Writes a file beside the shards.
    ///
    /// - Parameter showsReport: whether the model card shows the report's picture.
    func write(_ companion: CompanionFile, showsReport: Bool) throws {
        let path = folder.appending(companion.name)
        let above = path.removingLastComponent()
        if above != folder {
            if try FileSystem.status(above, followLinks: false) == nil {
                try FileSystem.createFolder(above)
            }
        }
        switch companion.content {
        case .text(let text) where showsReport && companion.name == ModelCard.fileName:
            try replace(companion.name, with: ModelCard.text(text, with: MergeReport.pictureName))
        case .text(let text): try replace(companion.name, with: text)
        case .index:
            try removeIfThere(path)
            try OutputIndex(shards: plan.shards).write(to: path)
        case .copy(let source):
            try removeIfThere(path)
            try FileSystem.copy(open(source, of: companion), to: path)
        case .tokenizer(let tokenizer):
            try removeIfThere(path)
            try tokenizer.write(open(tokenizer.source, of: companion), to: path)
        }
        if above != folder { try FileSystem.syncFolder(above) }
    }

    private func open(_ source: FilePath, of companion: CompanionFile) throws -> OpenFile {
        var model = source
        for _ in FilePath(companion.name).components { model.removeLastComponent() }
        do throws(IOError) {
            return try library.copyable(of: model).open(source)
        } catch {
            guard error.errno == .improperLink else { throw error }
            throw MergeFailure(
                .inputChanged,
                "\(source): \(ModelLibrary.forbidden.problem) by now (\(ModelLibrary.forbidden.remedy))")
        }
    }

    /// A run before this one may have written the file, whole or not.
    private func replace(_ name: String, with text: String) throws(IOError) {
        let path = folder.appending(name)
        try removeIfThere(path)
        try FileSystem.writeWhole(Array(text.utf8), to: path, sync: true)
    }

    private func removeIfThere(_ path: FilePath) throws(IOError) {
        if try FileSystem.status(path, followLinks: false) != nil { try FileSystem.remove(path) }
    }
}
