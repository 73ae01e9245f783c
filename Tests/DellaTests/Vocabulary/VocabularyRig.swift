import StreamIO
import SystemPackage

@testable import Della

/// Plans the vocabulary of a config over the models of a folder.
struct VocabularyRig {
    var plan: VocabularyPlan?
    var draft: PlanDraft

    init(_ text: String, in folder: FilePath, memory: UInt64? = nil) {
        let library = ModelLibrary(folders: [folder], workingDirectory: nil, allowsAnyPath: true)
        let (config, list) = ConfigParser.parse(Array(text.utf8))
        draft = PlanDraft(config: config, library: library, list: list, memory: memory)
        draft.openModels()
        plan = draft.planVocabulary { false }
    }

    /// What is wrong, a line each.
    var problems: [String] { draft.list.problems.map { $0.description(in: "merge.yml") } }

    /// The indices of models by name.
    func index(_ name: String) -> Int? { draft.models.firstIndex { $0.reference.path == name } }
}
