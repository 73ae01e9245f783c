/// The chat templates that a config may name, by mergekit's names, as Jinja.
enum ChatTemplate: String, CaseIterable, Sendable {
    case alpaca, chatml, exaone, llama3, mistral

    /// The template's text.
    var jinja: String {
        switch self {
        case .alpaca: Self.alpacaText
        case .chatml: Self.chatmlText
        case .exaone: Self.exaoneText
        case .llama3: Self.llama3Text
        case .mistral: Self.mistralText
        }
    }

    private static let alpacaText = """
        {{ bos_token }}{% for message in messages %}\
        {% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}\
        {% elif message['role'] == 'user' %}{{ '### Instruction:\\n' + message['content'] + '\\n\\n' }}\
        {% elif message['role'] == 'assistant' %}{{ '### Response:\\n' + message['content'] + eos_token + '\\n\\n' }}\
        {% endif %}{% endfor %}\
        {% if add_generation_prompt %}{{ '### Response:\\n' }}{% endif %}
        """

    private static let chatmlText = """
        {% for message in messages %}\
        {{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}\
        {% endfor %}\
        {% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
        """

    private static let exaoneText = """
        {% for message in messages %}\
        {% if loop.first and message['role'] != 'system' %}{{ '[|system|][|endofturn|]\\n' }}{% endif %}\
        {{ '[|' + message['role'] + '|]' + message['content'] }}\
        {% if message['role'] == 'user' %}{{ '\\n' }}{% else %}{{ '[|endofturn|]\\n' }}{% endif %}\
        {% endfor %}\
        {% if add_generation_prompt %}{{ '[|assistant|]' }}{% endif %}
        """

    private static let llama3Text = """
        {% for message in messages %}\
        {% if loop.first %}{{ bos_token }}{% endif %}\
        {{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' \
        + message['content'] | trim + '<|eot_id|>' }}\
        {% endfor %}\
        {% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}
        """

    private static let mistralText = """
        {% if messages[0]['role'] == 'system' %}{% set opening = messages[0]['content'] | trim + '\\n\\n' %}\
        {% set turns = messages[1:] %}{% else %}{% set opening = '' %}{% set turns = messages %}{% endif %}\
        {{ bos_token }}{% for message in turns %}\
        {% if message['role'] == 'user' %}\
        {{ '[INST] ' + (opening if loop.first else '') + message['content'] | trim + ' [/INST]' }}\
        {% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] | trim + eos_token }}\
        {% else %}{{ raise_exception('roles are user and assistant, and one system message first') }}\
        {% endif %}{% endfor %}
        """
}
