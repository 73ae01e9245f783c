/// The `README.md` of what a recipe makes: each of its stages, the models that went in anywhere, and the recipe.
struct RecipeCard {
    /// The output's name.
    var title: String
    /// In the order in which they were merged, the output's own last; at least one.
    var stages: [StageCard]

    /// The card.
    var text: String {
        var names: [String] = []
        var methods: [String] = []
        // The output's own first, as in the card of a merge of one stage.
        for stage in stages.reversed() {
            for model in stage.allModels where model.isLookedUp && !names.contains(model.text) {
                names.append(model.text)
            }
            if !methods.contains(stage.method.name) { methods.append(stage.method.name) }
        }
        var lines = ["---"]
        lines.append(names.isEmpty ? "base_model: []" : "base_model:")
        lines += names.map { "- \(ModelCard.scalar($0))" }
        lines += ["library_name: transformers", "tags:", "- mergekit", "- merge"]
        lines += methods.map { "- \($0)" }
        lines += ["---", "# \(title)", ""]
        lines += [
            "A merge of language models in \(stages.count) \(stages.count == 1 ? "stage" : "stages"), made with dellad from a",
            "[mergekit](https://github.com/arcee-ai/mergekit) configuration.", "",
        ]
        lines += stages.map(Self.line)
        let recipe = stages.sorted { $0.line < $1.line }.map(\.document).joined(separator: "---\n")
        lines += ModelCard.configuration(recipe)
        return lines.joined(separator: "\n")
    }

    /// A stage: what it is called, its method and what it merged.
    private static func line(_ stage: StageCard) -> String {
        var parts: [String] = []
        if let base = stage.base { parts.append("base \(ModelCard.link(base))") }
        parts += stage.models.map(ModelCard.link)
        let name = stage.name.map { "`\($0)`" } ?? "The result"
        return "* \(name): \(ModelCard.link(stage.method)) of \(parts.joined(separator: ", "))"
    }
}
