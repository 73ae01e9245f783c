import StreamIO
import SystemPackage
import Testing

@testable import Della

/// What is said of a model that is not found: what there is in its place, and what to write.
@Suite struct MissingModelTests {
    private let one = String(repeating: "a", count: 40), two = String(repeating: "b", count: 40)

    /// The report of a merge with one model, looked up in `models` and the folder it is in, called WORK.
    private func report(
        _ model: String, folders: [String] = ["models"], _ prepare: (FilePath) throws -> Void = { _ in }
    ) throws -> MergeProblems {
        let work = try FileSystem.resolved(TemporaryFolder.create())
        defer { try? FileSystem.removeTree(work) }
        try FileSystem.createFolder(work.appending("models"))
        try FileSystem.createFolder(work.pushing("models/Fine"))
        try FileSystem.writeWhole([], to: work.pushing("models/Fine/model.safetensors"), sync: false)
        try prepare(work)
        let library = ModelLibrary(
            folders: folders.map { work.appending($0) }, workingDirectory: work, allowsAnyPath: true)
        var list = ProblemList()
        let reference = try #require(ModelReference(model))
        let problem = try #require(library.problem(reference, result: library.find(reference), line: 4))
        list.add(
            Problem(
                line: 4, problem.message.replacing(work.string, with: "WORK"),
                remedy: problem.remedy.replacing(work.string, with: "WORK"), kind: problem.kind))
        return try #require(list.report(fileName: "m.yml"))
    }

    @Test(arguments: [
        (
            "models/Fine/model.safetensors",
            "models/Fine/model.safetensors is a file, and a model is a folder (write models/Fine)"
        ),
        ("Fine/model.safetensors", "Fine/model.safetensors is a file, and a model is a folder (write Fine)"),
        (
            "a.gguf",
            "a.gguf is a GGUF file, whose weights are quantised or laid out anew (name the safetensors model that it was made from)"
        ),
        ("b.bin", "b.bin is a file, and a model is a folder (write the folder that holds it)"),
    ])
    func aModelGivenAsAFileIsToldItsFolder(model: String, message: String) throws {
        let problems = try report(model) { work in
            for file in ["a.gguf", "b.bin"] {
                try FileSystem.writeWhole([], to: work.appending(file), sync: false)
            }
        }
        #expect(problems.description == "m.yml:4: \(message)")
        #expect(problems.exitCode == 65)
    }

    @Test(arguments: [
        ("models/one+chat", "+ divides a model from its adapter", "models/one+chat"),
        ("one+chat", "+ divides a model from its adapter", "one+chat"),
        ("models/a@b", "@ divides a model from its revision", "models/a@b"),
        ("models/x, y+z", "+ divides a model from its adapter", "'models/x, y+z'"),
    ])
    func aFolderWithASignOfNamesIsTold(model: String, sign: String, path: String) throws {
        let problems = try report(model) { work in
            for name in ["one+chat", "a@b", "x, y+z"] {
                try FileSystem.createFolder(work.appending("models").appending(name))
            }
        }
        #expect(
            problems.description
                == "m.yml:4: \(model) was not found: \(sign) (write {path: \(path)} for the folder of that name)"
        )
        #expect(problems.exitCode == 66)
    }

    @Test(arguments: [
        ("~/m/Fine", "~", "did you mean Fine? else "), ("~me/Other", "~me", ""),
        ("$HOME/Fine", "$HOME", "did you mean Fine? else "),
        ("${MODELS}/Other", "${MODELS}", ""), ("/data/$USER/Other", "$USER", ""),
    ])
    func whatAShellWouldExpandIsNamed(model: String, start: String, meant: String) throws {
        let problems = try report(model)
        #expect(
            problems.description
                == "m.yml:4: the model \(model) was not found: \(start) is not expanded (\(meant)write the path in full)"
        )
        #expect(problems.exitCode == 66)
    }

    @Test func aFolderOfModelsThatIsNotThereIsNamed() throws {
        #expect(
            try report("Org/Base", folders: ["nodir", "models", "gone"]).description
                == "m.yml:4: the model Org/Base was not found in WORK, WORK/nodir, WORK/models, WORK/gone; there is no folder "
                + "WORK/nodir, WORK/gone (name the folder of your models with --models, or download it: hf download "
                + "Org/Base --local-dir WORK/models/Org/Base)")
        #expect(
            try report("Base", folders: ["nodir"]).description
                == "m.yml:4: the model Base was not found in WORK, WORK/nodir; there is no folder WORK/nodir (name the "
                + "folder of your models with --models)")
    }

    /// A cache of Hugging Face with these snapshots, and `refs/main` where it is not empty.
    private func makeCache(_ work: FilePath, _ commits: [String], main: String) throws {
        let entry = work.pushing("models/models--Org--Base")
        for folder in [entry, entry.appending("snapshots"), entry.appending("refs")] {
            try FileSystem.createFolder(folder)
        }
        for commit in commits { try FileSystem.createFolder(entry.pushing(FilePath("snapshots/\(commit)"))) }
        if !main.isEmpty {
            try FileSystem.writeWhole(Array(main.utf8), to: entry.pushing("refs/main"), sync: false)
        }
    }

    @Test func snapshotsAmongWhichNoneIsMeantAreListed() throws {
        let a = String(repeating: "a", count: 12), b = String(repeating: "b", count: 12)
        let choices = "write Org/Base@\(a), or Org/Base@\(b)"
        let entry = "WORK/models/models--Org--Base", download = "hf download Org/Base"
        let local = "--local-dir WORK/models/Org/Base"
        #expect(
            try report("Org/Base") { try makeCache($0, [two, one], main: "") }.description
                == "m.yml:4: Org/Base: \(entry) holds the snapshots \(a), \(b), and no refs/main that says which is meant "
                + "(\(choices))")
        #expect(
            try report("Org/Base") { try makeCache($0, [one, two], main: "cccc") }.description
                == "m.yml:4: Org/Base: \(entry): refs/main names none of its snapshots (\(a), \(b)) "
                + "(\(choices), or download it: \(download) \(local))")
        #expect(
            try report("Org/Base@v2") { try makeCache($0, [one], main: one) }.description
                == "m.yml:4: Org/Base@v2: \(entry) holds no revision v2, but \(a) (write Org/Base@\(a), or download it: "
                + "\(download) --revision v2 \(local))")
        #expect(
            try report("Org/Base") { try makeCache($0, [], main: "") }.description
                == "m.yml:4: Org/Base: \(entry) holds no snapshot (download it: \(download) \(local))")
    }

    @Test func whatIsWrittenInsteadFindsTheSnapshot() throws {
        let work = try FileSystem.resolved(TemporaryFolder.create())
        defer { try? FileSystem.removeTree(work) }
        try FileSystem.createFolder(work.appending("models"))
        try makeCache(work, [one, two], main: "")
        let library = ModelLibrary(
            folders: [work.appending("models")], workingDirectory: nil, allowsAnyPath: true)
        let model = try #require(ModelReference("Org/Base@\(two.prefix(12))"))
        let snapshot = work.pushing("models/models--Org--Base/snapshots").appending(two)
        #expect(library.find(model) == .found(snapshot, isRevision: true))
    }
}
