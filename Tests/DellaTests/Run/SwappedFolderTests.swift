import Glibc
import StreamIO
import SystemPackage
import Testing

@testable import Della

/// Names below the output that are given to something else while a merge writes.
@Suite struct SwappedFolderTests {
    enum Swap: String, CaseIterable {
        case folder, emptyFolder, shard, linkToShard
    }

    @Test(arguments: Swap.allCases)
    func whatWasPutInPlaceOfTheOutputIsNotPublished(swap: Swap) throws {
        let tensors = (0..<3).map {
            PlannedMerge.Tensor(name: "t\($0)", shape: [300, 256], types: [.bf16, .bf16], densities: [0.5])
        }
        let merge = try PlannedMerge(tensors, modelCount: 1, seed: 5)
        let folder = merge.folder
        let (partial, stolen) = (folder.appending(".out.partial"), folder.appending("stolen"))
        let shard = merge.plan.shards[0].fileName
        let size = merge.plan.shards[0].byteCount
        let progress = MergeProgress()
        progress.onUpdate { figures in
            guard figures.bytesWritten > 0, (try? FileSystem.status(stolen)) == .some(nil) else { return }
            do {
                switch swap {
                case .folder, .emptyFolder:
                    try FileSystem.rename(partial, to: stolen, replacing: false)
                    try FileSystem.createFolder(partial)
                    if swap == .emptyFolder { return }
                    let file = try OpenFile.creating(partial.appending(shard), direct: false)
                    try file.truncate(to: size)
                case .shard, .linkToShard:
                    try FileSystem.rename(partial.appending(shard), to: stolen, replacing: false)
                    let other = swap == .shard ? partial.appending(shard) : folder.appending("other")
                    let file = try OpenFile.creating(other, direct: false)
                    try file.truncate(to: size)
                    if swap == .linkToShard {
                        let link = partial.appending(shard)
                        _ = link.withPlatformString { name in
                            other.withPlatformString { symlink($0, name) }
                        }
                    }
                }
            } catch {
                Issue.record("\(error)")
            }
        }
        let failure = #expect(throws: MergeFailure.self) {
            _ = try merge.merge(into: "out", memory: 1 << 21, threads: 1, engine: .posix, progress: progress)
        }
        #expect(
            failure?.message.contains("was replaced while it was written") == true,
            "\(failure?.message ?? "")")
        #expect(try FileSystem.status(folder.appending("out")) == nil)
        // The next try is undisturbed.
        #expect(try merge.merge(into: "out", memory: 1 << 21) == merge.reference())
    }

    @Test func whatLoadersWouldReadAndTheMergeDidNotWriteIsNotPublished() throws {
        let tensors = (0..<3).map {
            PlannedMerge.Tensor(name: "t\($0)", shape: [300, 256], types: [.bf16, .bf16], densities: [0.5])
        }
        let merge = try PlannedMerge(tensors, modelCount: 1, seed: 5)
        let partial = merge.folder.appending(".out.partial")
        let strangers = ["model-00009-of-00009.safetensors", "other.safetensors.index.json"]
        let progress = MergeProgress()
        progress.onUpdate { figures in
            guard figures.bytesWritten > 0 else { return }
            for name in strangers + ["notes.txt"] {
                try? FileSystem.replaceAtomically(partial.appending(name), with: [1], sync: false)
            }
        }
        let merged = try merge.merge(
            into: "out", memory: 1 << 21, threads: 1, engine: .posix, progress: progress)
        #expect(try merged == merge.reference())
        let names = try FileSystem.entries(of: merge.folder.appending("out"))
        #expect(names.contains(merge.plan.shards[0].fileName) && names.contains("notes.txt"), "\(names)")
        #expect(Set(names).isDisjoint(with: strangers), "\(names)")
    }
}
