import StreamIO
import Synchronization
import SystemPackage

/// Compares a merged folder with its `dellad.json`: every byte, in bounded memory.
struct ModelVerification {
    /// A file that is not as recorded.
    struct Finding: Hashable, Sendable {
        var message: String
        var isMissing = false
    }

    let folder: FilePath
    let files: [RecordedFile]

    init(folder: FilePath, files: [RecordedFile]) {
        self.folder = folder
        self.files = files
    }

    /// Reads the record of a folder.
    init(reading folder: FilePath) throws(CommandFailure) {
        let path = folder.appending(RecordedFile.recordName)
        let bytes: [UInt8]
        do {
            bytes = try FileSystem.readWhole(path, limit: RecordedFile.recordLimit)
        } catch  where error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory {
            throw CommandFailure(
                "\(path): is not there (name a folder that dellad has merged)", .missingInput)
        } catch  where error.errno == .permissionDenied {
            throw CommandFailure.denied(path, .missingInput)
        } catch {
            let remedy = DiskRemedy(error.errno, of: "its disk").text ?? "remove the cause and try again"
            throw CommandFailure("\(error) (\(remedy))", .io)
        }
        guard let json = try? JSON(parsing: bytes), let files = RecordedFile.list(json) else {
            throw CommandFailure("\(path): is damaged or of another program (merge again)", .badData)
        }
        self.init(folder: folder, files: files)
    }

    /// Bytes that will be read.
    var byteCount: UInt64 {
        files.reduce(0) { sum, file in
            let (bytes, isTooLarge) = sum.addingReportingOverflow(file.size)
            return isTooLarge ? .max : bytes
        }
    }

    /// What is not as recorded, in the order of the record, by byte range; then what is there beside and misleads.
    ///
    /// - Parameters:
    ///   - threads: files and chunks are read by as many at once; a file with a SHA-256 by one, from front to back.
    ///   - checked: told the number of bytes after each chunk, from any thread.
    func findings(threads: Int, checked: @escaping @Sendable (UInt64) -> Void = { _ in }) -> [Finding] {
        var found: [Int: [Finding]] = [:]
        var hashed: [Int] = []
        for (index, file) in files.enumerated() {
            if let finding = misfit(file) {
                found[index] = [finding]
            } else if file.sha256 != nil {
                hashed.append(index)
            } else {
                found[index] = differences(file, threads: threads, checked: checked)
            }
        }
        found.merge(differences(hashed, threads: threads, checked: checked)) { $1 }
        return files.indices.flatMap { found[$0] ?? [] } + intruders
    }

    private var intruders: [Finding] {
        do throws(IOError) {
            return try UnlistedFiles(in: folder, beside: files).misleading.map { name in
                Finding(
                    message:
                        "\(folder.appending(name)): was not written by the merge, and loaders would read it "
                        + "(move it away, or merge again)")
            }
        } catch {
            return [Self.unreadable(error)]
        }
    }

    /// A file that is missing or of another length.
    private func misfit(_ file: RecordedFile) -> Finding? {
        let path = folder.appending(file.name)
        guard let status = (try? FileSystem.status(path)) ?? nil, status.isRegular else {
            return Finding(message: "\(path): is missing (copy it again, or merge again)", isMissing: true)
        }
        guard status.size == file.size else {
            return Finding(
                message:
                    "\(path): has \(status.size) bytes instead of \(file.size) (copy it again, or merge again)"
            )
        }
        return nil
    }

    private func differences(
        _ file: RecordedFile, threads: Int, checked: @escaping @Sendable (UInt64) -> Void
    ) -> [Finding] {
        let path = folder.appending(file.name)
        let next = Atomic(0)
        let found = Mutex([Int: Finding]())
        WorkerThreads.run(count: min(threads, max(1, file.checksums.count))) {
            do throws(IOError) {
                let reader = try Self.reader(path, file)
                while true {
                    let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard index < file.checksums.count else { return }
                    var checksum = CRC32C()
                    try reader.read(file.range(ofChunk: index)) { checksum.update($0) }
                    checked(UInt64(file.range(ofChunk: index).count))
                    guard checksum.value != file.checksums[index] else { continue }
                    found.withLock { $0[index] = Self.difference(path, file.range(ofChunk: index)) }
                }
            } catch {
                found.withLock { $0[-1] = Self.unreadable(error) }
            }
        }
        return found.withLock { found in found.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// Of files with a SHA-256, by their place in the record: hashes have no parts that threads could share, so each
    /// thread takes a file.
    private func differences(
        _ indices: [Int], threads: Int, checked: @escaping @Sendable (UInt64) -> Void
    ) -> [Int: [Finding]] {
        guard !indices.isEmpty else { return [:] }
        let next = Atomic(0)
        let found = Mutex([Int: [Finding]]())
        WorkerThreads.run(count: min(threads, indices.count)) {
            while true {
                let place = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard place < indices.count else { return }
                let findings = differences(files[indices[place]], checked: checked)
                found.withLock { $0[indices[place]] = findings }
            }
        }
        return found.withLock { $0 }
    }

    /// One pass over a file for both kinds of checksum. The SHA-256 is told of only where no chunk says more.
    private func differences(
        _ file: RecordedFile, checked: @Sendable (UInt64) -> Void
    ) -> [Finding] {
        let path = folder.appending(file.name)
        var found: [Finding] = []
        var hash = SHA256()
        do throws(IOError) {
            let reader = try Self.reader(path, file)
            for (index, recorded) in file.checksums.enumerated() {
                var checksum = CRC32C()
                try reader.read(file.range(ofChunk: index)) { bytes in
                    checksum.update(bytes)
                    hash.update(bytes)
                }
                checked(UInt64(file.range(ofChunk: index).count))
                if checksum.value != recorded {
                    found.append(Self.difference(path, file.range(ofChunk: index)))
                }
            }
        } catch {
            return [Self.unreadable(error)] + found
        }
        if found.isEmpty, hash.digest != file.sha256 {
            found.append(
                Finding(
                    message: "\(path): its SHA-256 differs from the recorded one though no CRC-32C does "
                        + "(file or record were changed on purpose: copy both again, or merge again)"))
        }
        return found
    }

    private static func reader(_ path: FilePath, _ file: RecordedFile) throws(IOError) -> ChunkReader {
        try ChunkReader(path, direct: file.chunkSize % UInt64(OpenFile.directAlignment) == 0)
    }

    private static func difference(_ path: FilePath, _ range: Range<UInt64>) -> Finding {
        Finding(
            message: "\(path): bytes \(range.lowerBound)..<\(range.upperBound) differ from what was written "
                + "(copy the file again, or merge again)")
    }

    private static func unreadable(_ error: IOError) -> Finding {
        if error.errno == .permissionDenied {
            return Finding(message: CommandFailure.denied(error.path, .missingInput).message, isMissing: true)
        }
        return Finding(message: "\(error) (check the disk, then copy the file again)")
    }
}
