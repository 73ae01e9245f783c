import Della
import Foundation
import StreamIO
import SystemPackage
import Testing

@testable import Daemon

/// A folder of models and a script that fetches them as `hf` does, without a network.
struct FakeHub {
    static let commit = "0123456789abcdef0123456789abcdef01234567"

    let folder: TemporaryFolder
    let models: FilePath
    private let hub: FilePath
    private let script: FilePath

    init() throws {
        folder = try TemporaryFolder()
        (models, hub, script) = (folder.path / "models", folder.path / "hub", folder.path / "hf")
        try FileSystem.createFolder(models)
        try FileSystem.createFolder(hub)
        try script.write(
            """
            #!/bin/sh
            # What it was called with, a word a line.
            for word in "$@"; do printf '%s\\n' "$word"; done >>"\(hub)/words"
            printf '%s\\n' "$1 $2 $3" >>"\(hub)/calls"
            env >"\(hub)/environment"
            hub="\(hub)"
            model=$2
            [ "$1" = models ] && model=$3
            if [ ! -d "$hub/$model" ]; then echo "Error: Model '$model' not found." >&2; exit 1; fi
            case "$1 $2" in
            "models info") cat "$hub/$model/.info"; exit ;;
            "models list") cat "$hub/$model/.list"; exit ;;
            esac
            shift 2
            names=
            while [ $# -gt 0 ]; do
                case $1 in
                --revision) shift ;;
                --local-dir) shift; target=$1 ;;
                *) names="$names $1" ;;
                esac
                shift
            done
            for name in $names; do
                cp "$hub/$model/$name" "$target/.$name.incomplete"
                [ ! -e "$hub/fault" ] || . "$hub/fault"
                mv "$target/.$name.incomplete" "$target/$name"
            done

            """)
        chmod(script.string, 0o755)
    }

    /// Puts a model there; the files' sizes and hashes are listed as they are.
    func add(_ model: String, _ files: [String: String]) throws {
        let place = hub.pushing(FilePath(model))
        try Spool.createFolders(to: place)
        for (name, text) in files { try (place / name).write(text) }
        try list(place)
    }

    /// Puts a random model there that can be merged, a fine-tune of `base` where that is named.
    func synthesize(_ model: String, base: String? = nil) throws {
        let place = hub.pushing(FilePath(model))
        try Spool.createFolders(to: place.removingLastComponent())
        let origin = base.map { ["--base", hub.pushing(FilePath($0)).string, "--scale", "0.01"] } ?? []
        let result = try Executable.run(
            ["synth", place.string, "--shape", "tiny", "--seed", "7"] + origin, in: folder)
        try #require(result.code == 0, "\(result.errors)")
        try list(place)
    }

    private func list(_ place: FilePath) throws {
        var entries: [JSON] = []
        for name in try FileSystem.entries(of: place) {
            let bytes = try FileSystem.readWhole(place / name, limit: 1 << 24)
            entries.append(
                .object(
                    JSONObject([
                        ("path", .string(name)), ("size", .int(bytes.count)), ("blob_id", .string("0")),
                        (
                            "lfs",
                            .object(JSONObject([("sha256", .string(SHA256.of(bytes).hexadecimal))]))
                        ),
                    ])))
        }
        try (place / ".info").write("{\"sha\":\"\(Self.commit)\"}")
        try (place / ".list").write(JSON.array(entries).serialized())
    }

    /// What the script does before a file has its name: shell, in which `$name` is the file.
    func fault(_ text: String?) throws {
        try? FileSystem.remove(hub / "fault")
        if let text { try (hub / "fault").write(text) }
    }

    /// Replaces a file after it was listed.
    func replace(_ name: String, of model: String, with text: String) throws {
        let path = hub.pushing(FilePath(model)) / name
        try FileSystem.remove(path)
        try path.write(text)
    }

    var calls: [String] { (hub / "calls").text.split(separator: "\n").map(String.init) }
    var words: [String] { (hub / "words").text.split(separator: "\n").map(String.init) }
    var environment: String { (hub / "environment").text }

    /// `fetch_command`.
    var command: String { "\(script) download {model} --revision {revision} {include}" }

    func means(
        space: FetchSpace = .share(1), keep: Age? = nil, environment: [String: String] = [:]
    ) throws -> FetchMeans {
        var settings = DaemonSettings(stateFolder: nil)
        settings.fetchCommand = try FetchCommandLine(command)
        (settings.fetchSpace, settings.fetchKeep) = (space, keep)
        let variables = ["PATH": "/usr/bin:/bin"].merging(environment) { $1 }
        return try FetchMeans(settings, root: models, environment: variables)
    }

    func fetch(_ model: String, _ means: FetchMeans? = nil) throws -> ModelFetch.Result {
        try (means ?? self.means()).fetch(try #require(HubModel(model))) { _ in true }
    }

    /// The folder that a config finds a model in; `nil` where it finds none.
    func found(_ model: String) -> FilePath? {
        let library = ModelLibrary(folders: [models], workingDirectory: nil, allowsAnyPath: false)
        return HubModel(model).flatMap { library.folder(of: $0) }
    }

    /// Files in a model's folder that are not hidden.
    func files(_ model: String) throws -> [String] {
        try FileSystem.entries(of: #require(found(model))).filter { !$0.hasPrefix(".") }
    }
}
