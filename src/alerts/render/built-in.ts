/** The templates that come with acmetap, in Liquid (https://liquidjs.com). They see a MessageView. */

export const TITLE = `
{%- if kind == 'firing' or kind == 'escalation' -%}[{{ severity }}]{{ ' ' }}{%- endif -%}
{{ title }}
`

export const TEXT = `
{%- if text %}{{ text }}
{% endif -%}
{%- if count > 1 %}{{ count }} alerts, seen {{ occurrences }} times, from {{ first_seen }} to {{ last_seen }}.
{% if shared %}In common: {{ shared }}
{% endif -%}
{%- if classes.size > 1 %}By class: {% for one in classes %}{{ one.name }} {{ one.count }}{% unless forloop.last %}, {% endunless %}{% endfor %}
{% endif -%}
{%- if names.size > 0 %}Names: {{ names | join: ', ' }}{% if all_names == false %} and others{% elsif more_names > 0 %} and {{ more_names }} more{% endif %}
{% endif %}{% endif -%}
{%- for alert in alerts -%}
{%- if count > 1 %}
{{ forloop.index }}. {{ alert.title }}
{% endif -%}
{%- if count == 1 or forloop.first or one_cause == false -%}
Why: {{ alert.cause }}{% if alert.class %} ({{ alert.class }}){% endif %}
{% if alert.said %}Said: {{ alert.said }}
{% endif -%}
{%- if alert.state != 'resolved' %}Do: {{ alert.remedy }}
{% if alert.who %}Who: {{ alert.who }}
{% endif %}{% endif -%}
{%- endif -%}
{%- if alert.resolved %}Over: {{ alert.resolution }} ({{ alert.resolved }})
{% endif -%}
{%- if count == 1 and alert.names.size > 0 %}Names: {{ alert.names | join: ', ' }}{% if alert.more_names > 0 %} and {{ alert.more_names }} more{% endif %}
{% endif -%}
{%- if alert.ca %}CA: {{ alert.ca }}
{% endif -%}
{%- if alert.client %}Client: {{ alert.client }}
{% endif -%}
{%- if count == 1 %}Seen: {% if alert.count == 1 %}{{ alert.since }}{% else %}{{ alert.count }} times, from {{ alert.since }} to {{ alert.last }}{% endif %}
{% endif -%}
{%- if alert.record %}Record: {{ alert.record }}
{% endif -%}
{%- if alert.id %}Alert: acmetap alerts show {{ alert.id }}
{% endif -%}
{%- endfor -%}
{%- if more_alerts > 0 and alerts.size > 0 %}
… and {{ more_alerts }} more{% if link %}: {{ link }}{% else %}: acmetap alerts list --rule {{ rule }}{% endif %}
{% endif -%}
{%- if runbook and alerts.size > 0 %}
Runbook: {{ runbook }}
{% if kind != 'resolved' %}Silence{% if count > 1 %} all{% endif %}: {{ silence }}
{% endif %}{% endif -%}
`

const ROW = 'style="padding:2px 12px 2px 0;vertical-align:top;color:#57606a"'

export const HTML = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ subject }}</title></head>
<body style="font:14px/1.5 system-ui,sans-serif;color:#1f2328;max-width:48em">
<h1 style="font-size:18px;margin:0 0 .6em;padding-left:10px;border-left:5px solid {% if kind == 'resolved' %}#1a7f37{% elsif severity == 'critical' %}#cf222e{% elsif severity == 'warning' %}#bf8700{% else %}#0969da{% endif %}">{{ subject }}</h1>
{% if text %}<pre style="white-space:pre-wrap;font:inherit">{{ text }}</pre>
{% endif -%}
{%- if count > 1 %}<p>{{ count }} alerts, seen {{ occurrences }} times, from {{ first_seen }} to {{ last_seen }}.</p>
<table>
{% if shared %}<tr><td ${ROW}>In common</td><td>{{ shared }}</td></tr>
{% endif -%}
{%- if classes.size > 1 %}<tr><td ${ROW}>By class</td><td>{% for one in classes %}{{ one.name }} {{ one.count }}{% unless forloop.last %}, {% endunless %}{% endfor %}</td></tr>
{% endif -%}
{%- if names.size > 0 %}<tr><td ${ROW}>Names</td><td>{{ names | join: ', ' }}{% if all_names == false %} and others{% elsif more_names > 0 %} and {{ more_names }} more{% endif %}</td></tr>
{% endif %}</table>
{% endif -%}
{%- for alert in alerts %}
{% if count > 1 %}<h2 style="font-size:15px;margin:1em 0 .3em">{{ forloop.index }}. {{ alert.title }}</h2>
{% endif %}<table>
{% if count == 1 or forloop.first or one_cause == false %}<tr><td ${ROW}>Why</td><td>{{ alert.cause }}{% if alert.class %} ({{ alert.class }}){% endif %}</td></tr>
{% if alert.said %}<tr><td ${ROW}>Said</td><td><q>{{ alert.said }}</q></td></tr>
{% endif -%}
{%- if alert.state != 'resolved' %}<tr><td ${ROW}>Do</td><td><strong>{{ alert.remedy }}</strong></td></tr>
{% if alert.who %}<tr><td ${ROW}>Who</td><td>{{ alert.who }}</td></tr>
{% endif %}{% endif %}{% endif -%}
{%- if alert.resolved %}<tr><td ${ROW}>Over</td><td>{{ alert.resolution }} ({{ alert.resolved }})</td></tr>
{% endif -%}
{%- if count == 1 and alert.names.size > 0 %}<tr><td ${ROW}>Names</td><td>{{ alert.names | join: ', ' }}{% if alert.more_names > 0 %} and {{ alert.more_names }} more{% endif %}</td></tr>
{% endif -%}
{%- if alert.ca %}<tr><td ${ROW}>CA</td><td>{{ alert.ca }}</td></tr>
{% endif -%}
{%- if alert.client %}<tr><td ${ROW}>Client</td><td>{{ alert.client }}</td></tr>
{% endif -%}
<tr><td ${ROW}>Seen</td><td>{% if alert.count == 1 %}{{ alert.since }}{% else %}{{ alert.count }} times, from {{ alert.since }} to {{ alert.last }}{% endif %}</td></tr>
{% if alert.link %}<tr><td ${ROW}>Record</td><td><a href="{{ alert.link }}">{{ alert.link }}</a></td></tr>
{% elsif alert.record %}<tr><td ${ROW}>Record</td><td><code>{{ alert.record }}</code></td></tr>
{% endif %}<tr><td ${ROW}>Alert</td><td><code>acmetap alerts show {{ alert.id }}</code></td></tr>
</table>
{% endfor -%}
{%- if more_alerts > 0 and alerts.size > 0 %}<p>… and {{ more_alerts }} more{% if link %}: <a href="{{ link }}">{{ link }}</a>{% endif %}</p>
{% endif -%}
{%- if runbook and alerts.size > 0 %}<p style="color:#57606a">Runbook: {{ runbook }}{% if kind != 'resolved' %}<br>Silence{% if count > 1 %} all{% endif %}: <code>{{ silence }}</code>{% endif %}</p>
{% endif -%}
</body></html>
`
