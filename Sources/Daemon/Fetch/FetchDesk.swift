import Della
import StreamIO

/// The daemon's side of fetching: which models it asks for, each once, whoever wants them.
struct FetchDesk {
    /// Without an answer for as long, nobody fetches.
    static let patience = Duration.seconds(15)

    private struct Asked {
        var request: FetchRequest
        var since: ContinuousClock.Instant
    }

    let folder: FetchFolder
    private var asked: [HubModel: Asked] = [:]
    private var isFirst = true

    init(folder: FetchFolder) { self.folder = folder }

    /// Asks for what is wanted and has not been asked for, and withdraws what is wanted no more.
    ///
    /// What an earlier daemon asked for goes on where it is still wanted.
    mutating func want(_ models: Set<HubModel>, now: ContinuousClock.Instant) throws(IOError) {
        if isFirst {
            for model in folder.askedModels() where !models.contains(model) { try folder.withdraw(model) }
            isFirst = false
        }
        for model in asked.keys.sorted() where !models.contains(model) {
            try folder.withdraw(model)
            asked[model] = nil
        }
        for model in models.sorted() { try ask(model, now: now) }
    }

    private mutating func ask(_ model: HubModel, now: ContinuousClock.Instant) throws(IOError) {
        if let known = asked[model] {
            // Its answer may have come, or it was taken away: by whoever cleans up, or with the runtime folder.
            if folder.answer(to: known.request)?.isFinal == true || folder.current(known.request) != nil {
                return
            }
        }
        let fresh = FetchRequest(
            model: model, identifier: String(UInt64.random(in: 0 ... .max), radix: 16))
        let present = asked[model] == nil ? folder.current(fresh) : nil
        if present == nil {
            try folder.create()
            try folder.ask(fresh)
        }
        asked[model] = Asked(request: present ?? fresh, since: asked[model]?.since ?? now)
    }

    /// Whether anything is asked for, or may be from an earlier daemon.
    var isAsking: Bool { isFirst || !asked.isEmpty }

    /// What is said of a model that was asked for; `nil` where nothing is.
    func answer(_ model: HubModel) -> FetchAnswer? { asked[model].flatMap { folder.answer(to: $0.request) } }

    /// Whether nobody has answered for a model for so long that nobody will.
    func isUnanswered(_ model: HubModel, now: ContinuousClock.Instant) -> Bool {
        asked[model].map { now - $0.since > Self.patience && folder.answer(to: $0.request) == nil } ?? false
    }
}
