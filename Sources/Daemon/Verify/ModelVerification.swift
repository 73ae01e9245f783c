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
        } catch {
            throw CommandFailure("\(error)", .io)
        }
        guard let json = try? JSON(parsing: bytes), let files = RecordedFile.list(json) else {
            throw CommandFailure("\(path): is damaged or of another program (merge again)", .badData)
        }
        self.init(folder: folder, files: files)
    }

    /// Bytes that will be read.
    var byteCount: UInt64 { files.reduce(0) { $0 + $1.size } }

    /// What is not as recorded, in the order of the record, by byte range.
    ///
    /// - Parameters:
    ///   - threads: files and chunks are read by as many at once.
    ///   - checked: told the number of bytes after each chunk, from any thread.
    func findings(threads: Int, checked: @escaping @Sendable (UInt64) -> Void = { _ in }) -> [Finding] {
        var found: [Finding] = []
        for file in files {
            if let finding = misfit(file) {
                found.append(finding)
            } else {
                found += differences(file, threads: threads, checked: checked)
            }
        }
        return found
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
                let page = UInt64(OpenFile.directAlignment)
                let reader = try ChunkReader(path, direct: file.chunkSize % page == 0)
                while true {
                    let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard index < file.checksums.count else { return }
                    let range = file.range(ofChunk: index)
                    var checksum = CRC32C()
                    try reader.read(range) { checksum.update($0) }
                    checked(range.upperBound - range.lowerBound)
                    guard checksum.value != file.checksums[index] else { continue }
                    let message =
                        "\(path): bytes \(range.lowerBound)..<\(range.upperBound) differ from what was written"
                    found.withLock {
                        $0[index] = Finding(message: message + " (copy the file again, or merge again)")
                    }
                }
            } catch {
                found.withLock {
                    $0[-1] = Finding(message: "\(error) (check the disk, then copy the file again)")
                }
            }
        }
        return found.withLock { found in found.sorted { $0.key < $1.key }.map(\.value) }
    }
}
