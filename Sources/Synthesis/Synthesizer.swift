import Dispatch
import StreamIO
import Synchronization
import SystemPackage

/// Writes random checkpoints, fast and in bounded memory.
///
/// Files are cut into chunks of `chunkSize`, which workers take in order, fill and write past the page cache.
/// Every element is a function of the seed, its tensor and its position, so the bytes depend on nothing else.
package struct Synthesizer: Sendable {
    /// Bytes in one write, and of each worker's buffer.
    static let chunkSize = 4 << 20

    let options: SynthesisOptions
    let shards: [SyntheticShard]
    private let normal = NormalSource()

    package init(_ options: SynthesisOptions) {
        self.options = options
        shards = options.shards
    }

    /// The length of all weight files together.
    package var byteCount: UInt64 { shards.reduce(0) { $0 + $1.byteCount } }

    /// Writes the checkpoint to the new folder `output`; nothing is left there if that fails.
    ///
    /// - Parameters:
    ///   - written: counts the bytes written, for whoever shows progress.
    ///   - isCancelled: asked between chunks.
    package func write(
        to output: FilePath, written: SynthesisCounter,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(SynthesisFailure) {
        let base = try openBase()
        do throws(IOError) {
            try FileSystem.createFolder(output)
        } catch  where error.errno == .fileExists {
            throw .outputExists(output.string)
        } catch {
            throw .io(error)
        }
        do throws(SynthesisFailure) {
            for shard in shards {
                try write(shard, to: output, base: base, written: written, isCancelled: isCancelled)
            }
            try writeCompanions(to: output)
        } catch {
            try? FileSystem.removeTree(output)
            throw error
        }
    }

    /// Where a fine-tune's values come from. An adapter's base is looked at, and not read.
    private func openBase() throws(SynthesisFailure) -> SynthesisBase? {
        guard let folder = options.base else { return nil }
        guard options.adapterRank != nil else {
            return try SynthesisBase(opening: folder, tensors: options.shape.tensors)
        }
        _ = try SynthesisBase(
            opening: folder, tensors: options.shape.tensors.filter(\.isLinear), ofAnyType: true)
        return nil
    }

    private func writeCompanions(to output: FilePath) throws(SynthesisFailure) {
        var files = options.companions
        if shards.count > 1 { files.insert((options.format.indexName, index), at: 0) }
        do throws(IOError) {
            if options.hasWholeTokenizer {
                let vocabulary = SyntheticVocabulary(count: options.shape.vocabulary, seed: options.seed)
                try vocabulary.write(to: output.appending("tokenizer.json"))
            }
            for file in files {
                try FileSystem.writeWhole(Array(file.text.utf8), to: output.appending(file.name), sync: false)
            }
            try FileSystem.syncFolder(output)
        } catch {
            throw .io(error)
        }
    }

    private var index: String {
        let total = shards.reduce(UInt64(0)) { $0 + $1.placements.reduce(0) { $0 + $1.tensor.byteCount } }
        let map = shards.flatMap { shard in
            shard.placements.map { "    \"\($0.tensor.name)\": \"\(shard.fileName)\"" }
        }
        return """
            {
              "metadata": {
                "total_size": \(total)
              },
              "weight_map": {
            \(map.joined(separator: ",\n"))
              }
            }

            """
    }

    private func create(_ shard: SyntheticShard, in output: FilePath) throws(SynthesisFailure) -> OpenFile {
        do throws(IOError) {
            let file = try OpenFile.creating(output.appending(shard.fileName), direct: true)
            do throws(IOError) {
                // A full disk shows now, not after minutes.
                try file.reserve(shard.byteCount)
            } catch  where error.errno == .notSupported {}
            return file
        } catch {
            throw .io(error)
        }
    }

    private func write(
        _ shard: SyntheticShard, to output: FilePath, base: SynthesisBase?, written: SynthesisCounter,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(SynthesisFailure) {
        let file = try create(shard, in: output)
        let work = ShardWork(
            shard: shard, options: options, weights: options.shape.tensors, normal: normal, base: base,
            file: file.reference, path: file.path)
        let chunks = Int((shard.byteCount + UInt64(Self.chunkSize) - 1) / UInt64(Self.chunkSize))
        let next = Atomic(0)
        let failure = Mutex<SynthesisFailure?>(nil)
        // More workers than cores: some wait for their writes while others generate.
        DispatchQueue.concurrentWork(count: min(chunks, options.threads + 2)) {
            do throws(SynthesisFailure) {
                var worker = ShardWorker(work)
                while failure.withLock({ $0 == nil }) {
                    let chunk = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard chunk < chunks else { return }
                    if isCancelled() { throw .interrupted }
                    written.add(try worker.write(chunk: chunk))
                }
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
        do throws(IOError) {
            try file.truncate(to: shard.byteCount)
            try file.sync()
        } catch {
            throw .io(error)
        }
    }
}
