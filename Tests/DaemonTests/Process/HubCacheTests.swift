import Foundation
import Glibc
import StreamIO
import Synthesis
import SystemPackage
import Testing

@testable import Daemon

/// Hugging Face's cache, as `hf download` leaves it, and commands that are told nothing of it.
@Suite struct HubCacheTests {
    @Test(arguments: [
        (["HF_HUB_CACHE": "/a", "HF_HOME": "/b", "HOME": "/h"], "/a"),
        (["HUGGINGFACE_HUB_CACHE": "/o", "HF_HOME": "/b", "HOME": "/h"], "/o"),
        (["HF_HOME": "/b", "HOME": "/h"], "/b/hub"),
        (["HF_HOME": "~/models", "HOME": "/h"], "/h/models/hub"),
        (["HF_HOME": "$HOME/x", "HOME": "/h"], "/h/x/hub"),
        (["HF_HOME": "~/${NAME}/y", "NAME": "x", "HOME": "/h"], "/h/x/y/hub"),
        (["HF_HUB_CACHE": "/${A}$B/$C/${D/$E", "A": "1", "B": "$A", "E": "3"], "/1$A/$C/${D/3"),
        (["XDG_CACHE_HOME": "/x", "HOME": "/h"], "/x/huggingface/hub"),
        (["HF_HUB_CACHE": "", "HOME": "/h"], "/h/.cache/huggingface/hub"),
    ])
    func theCacheIsWhereHuggingFaceHasIt(environment: [String: String], folder: String) {
        #expect(HubCache(environment).folder == FilePath(folder))
    }

    /// A cache with the rig's two models: snapshots whose files are links to blobs.
    private func cache(_ rig: MergeRig) throws -> FilePath {
        let cache = rig.folder.path / "cache" / "hub"
        try FileSystem.createFolder(rig.folder.path / "cache")
        try FileSystem.createFolder(cache)
        for model in ["base", "tuned"] {
            let entry = cache / "models--Org--\(model)"
            let snapshot = entry / "snapshots" / "0123abcd"
            for folder in [entry, entry / "blobs", entry / "refs", entry / "snapshots", snapshot] {
                try FileSystem.createFolder(folder)
            }
            try (entry / "refs" / "main").write("0123abcd")
            for (number, name) in try FileSystem.entries(of: rig.models / model).enumerated() {
                try FileSystem.rename(
                    rig.models / model / name, to: entry / "blobs" / "\(number)", replacing: false)
                #expect(symlink("../../blobs/\(number)", (snapshot / name).string) == 0)
            }
        }
        try rig.config.rewrite(
            rig.config.text.replacing("base_model: base", with: "base_model: Org/base")
                .replacing("model: tuned", with: "model: Org/tuned"))
        return cache
    }

    private func run(
        _ rig: MergeRig, _ arguments: [String], _ environment: [String: String]
    ) throws -> (code: Int32, output: String, errors: String) {
        try Executable.run(
            arguments, in: rig.folder,
            environment: [
                "HF_HUB_CACHE": "", "HF_HOME": "", "HUGGINGFACE_HUB_CACHE": "", "XDG_CACHE_HOME": "",
            ]
            .merging(environment) { $1 })
    }

    @Test func modelsOfTheCacheAreFoundWithoutAnOption() throws {
        let rig = try MergeRig()
        let reference = rig.folder.path / "reference"
        #expect(
            try rig.run("merge", rig.config.string, reference.string, "--models", rig.models.string).code == 0
        )
        let cache = try cache(rig)
        let home = cache.removingLastComponent()
        for (number, environment) in [["HF_HUB_CACHE": cache.string], ["HF_HOME": home.string]].enumerated() {
            let check = try run(rig, ["check", rig.config.string], environment)
            #expect(check.code == 0, "\(check.errors)")
            #expect(check.output.contains("\(cache)/models--Org--base/snapshots/0123abcd"))
            let out = rig.folder.path / "out\(number)"
            let merge = try run(rig, ["merge", rig.config.string, out.string], environment)
            #expect(merge.code == 0, "\(merge.errors)")
            #expect(try rig.weights(out) == rig.weights(reference))
            let audit = try run(rig, ["audit", out.string, "--share", "100%"], environment)
            #expect(audit.code == 0, "\(audit.errors)")
        }
        // With folders named, it is searched after them.
        let empty = rig.folder.path / "empty"
        try FileSystem.createFolder(empty)
        let both = try run(
            rig, ["check", rig.config.string, "--models", empty.string], ["HF_HUB_CACHE": cache.string])
        #expect(both.code == 0, "\(both.errors)")
    }

    @Test func aModelThatIsMissingIsToBeDownloadedIntoTheCache() throws {
        let rig = try MergeRig()
        let cache = try cache(rig)
        try rig.config.rewrite(rig.config.text.replacing("Org/tuned", with: "Other/gone@v2"))
        let check = try run(
            rig, ["check", rig.config.string, "--models", rig.models.string], ["HF_HUB_CACHE": cache.string])
        #expect(check.code == 66)
        #expect(
            check.errors.contains("(download it: hf download Other/gone --revision v2)"), "\(check.errors)")
        #expect(check.errors.contains("\(cache) ("))
        // Nearly the name of one in the cache.
        try rig.config.rewrite(rig.config.text.replacing("Other/gone@v2", with: "Org/tund"))
        let near = try run(rig, ["check", rig.config.string], ["HF_HUB_CACHE": cache.string])
        #expect(near.errors.contains("did you mean Org/tuned?"), "\(near.errors)")
    }

    /// What a download that was broken off leaves, or a program that wanted no weights.
    @Test(arguments: ["no weights", "no shard", "no index", "no blob"])
    func aSnapshotThatLacksFilesIsToBeFinished(state: String) throws {
        let rig = try MergeRig()
        let cache = try cache(rig)
        let snapshot = cache.pushing("models--Org--tuned/snapshots/0123abcd")
        let weights = snapshot / "model.safetensors"
        switch state {
        case "no blob":
            let blobs = cache.pushing("models--Org--tuned/blobs")
            let link = try FileManager.default.destinationOfSymbolicLink(atPath: weights.string)
            try FileSystem.remove(blobs / (FilePath(link).lastComponent?.string ?? ""))
        case "no index":
            try FileSystem.rename(
                weights, to: snapshot / "model-00001-of-00003.safetensors", replacing: false)
            try (snapshot / "model-00003-of-00003.safetensors").write("")
        case "no shard":
            try FileSystem.remove(weights)
            try (snapshot / "model.safetensors.index.json").write(
                #"{"weight_map": {"a": "model-00001-of-00002.safetensors"}}"#)
        default: try FileSystem.remove(weights)
        }
        for environment in [["HF_HUB_CACHE": cache.string], [:]] {
            let isUsual = !environment.isEmpty
            let command = "hf download Org/tuned" + (isUsual ? "" : " --cache-dir \(cache)")
            let folders = isUsual ? [] : ["--models", cache.string]
            for arguments in [
                ["check", rig.config.string], ["inspect", "Org/tuned"], ["fetch", "Org/tuned"],
            ] {
                let ended = try run(rig, arguments + folders, environment)
                #expect(ended.code == 66, "\(arguments): \(ended)")
                #expect(
                    ended.errors.contains("(finish the download: \(command))"),
                    "\(arguments): \(ended.errors)")
            }
        }
        let whole = try run(rig, ["fetch", "Org/base"], ["HF_HUB_CACHE": cache.string])
        #expect(whole.code == 0 && whole.errors.contains("is there"), "\(whole.errors)")
    }
}
